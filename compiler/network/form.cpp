#include "compiler/network/form.hpp"

namespace tpc::network {
namespace {

using namespace ir;

bool is_vector(const ExprTable& table, ExprId e) {
    return table[e].type == Type::vector;
}

// Nothing but numbers: what the function of an activation may hold.
bool is_number(const ExprTable& table, ExprId e) {
    const Node& node = table[e];
    if (node.op == Op::number)
        return true;
    if (node.op == Op::affine)
        return node.affine.is_constant();
    if (node.op != Op::apply)
        return false;
    for (const ExprId child : node.children)
        if (!is_number(table, child))
            return false;
    return true;
}

// Collects the one read of a coordinatewise expression; false when there are several or anything but numbers beside it.
bool find_single_read(const ExprTable& table, ExprId e, std::optional<ExprId>& read) {
    const Node& node = table[e];
    if (node.type == Type::scalar)
        return is_number(table, e);
    if (node.op == Op::read) {
        if (may_read_zero(table, e))
            return false;
        if (!read)
            read = e;
        return same(table, *read, e);
    }
    if (node.op != Op::apply)
        return false;
    for (const ExprId child : node.children)
        if (!find_single_read(table, child, read))
            return false;
    return true;
}

// Smooth functions whose expectations are series, at least beside a kink.
bool has_series(const ExprTable& table, const Node& node) {
    switch (node.function) {
    case Function::tanh:
    case Function::sigmoid:
    case Function::softplus:
    case Function::silu:
    case Function::sin:
    case Function::cos:
    case Function::log:
    case Function::sqrt:
        return true;
    case Function::div:
        return is_vector(table, node.children[1]);
    default:
        return false;
    }
}

struct Kinds {
    bool kinks = false, series = false;
};
Kinds kinds_in(const ExprTable& table, ExprId e) {
    const Node& node = table[e];
    Kinds kinds;
    if (node.op == Op::apply && node.type == Type::vector)
        kinds = {has_kink(node.function), has_series(table, node)};
    for (const ExprId child : node.children) {
        const Kinds inner = kinds_in(table, child);
        kinds = {kinds.kinks || inner.kinks, kinds.series || inner.series};
    }
    return kinds;
}

// Whether some term of a linear combination has kinks and another one needs a series.
void kinds_of_terms(const ExprTable& table, ExprId e, Kinds& found) {
    if (!is_vector(table, e))
        return;
    if (!is_linear_root(table, e)) {
        const Kinds kinds = kinds_in(table, e);
        found.kinks = found.kinks || (kinds.kinks && !kinds.series);
        found.series = found.series || (kinds.series && !kinds.kinks);
        return;
    }
    for (const ExprId child : table[e].children)
        kinds_of_terms(table, child, found);
}

class Linear {
  public:
    Linear(Program& program, Form& form) : program_(program), table_(program.exprs), form_(form) {}

    void add(ExprId e, ExprId coefficient, const std::vector<Range>& ranges) {
        const Node node = table_[e];
        LinearTerm term;
        term.ranges = ranges;
        term.coefficient = coefficient;
        term.span = node.span;
        if (node.type == Type::scalar) {
            term.base = Base::one;
            term.coefficient = table_.apply(Function::mul, {coefficient, e}, node.span);
            if (table_[term.coefficient].op == Op::number && table_[term.coefficient].number == 0)
                return;
            form_.terms.push_back(term);
            return;
        }
        switch (node.op) {
        case Op::matmul: {
            const Node operand = table_[node.children[0]];
            term.base = operand.type == Type::vector ? Base::matmul : Base::input;
            term.parameter = node.target;
            term.member = node.access;
            term.transposed = node.transposed;
            term.operand = operand.target;
            term.operand_is_input = operand.op == Op::input_row;
            term.access = operand.access;
            form_.terms.push_back(term);
            return;
        }
        case Op::parameter:
            term.base = Base::parameter;
            term.parameter = node.target;
            term.member = node.access;
            form_.terms.push_back(term);
            return;
        case Op::read:
            term.base = Base::read;
            term.operand = node.target;
            term.access = node.access;
            form_.terms.push_back(term);
            return;
        case Op::reduce: {
            std::vector<Range> inner = ranges;
            inner.insert(inner.end(), node.ranges.begin(), node.ranges.end());
            ExprId weight = coefficient;
            if (node.reduction == Reduction::mean)
                weight = table_.apply(Function::div, {coefficient, count(node)}, node.span);
            add(node.children[0], weight, inner);
            return;
        }
        case Op::apply:
            break;
        default:
            return;
        }
        switch (node.function) {
        case Function::neg:
            add(node.children[0], table_.apply(Function::neg, {coefficient}), ranges);
            return;
        case Function::add:
            for (const ExprId child : node.children)
                add(child, coefficient, ranges);
            return;
        case Function::sub:
            add(node.children[0], coefficient, ranges);
            add(node.children[1], table_.apply(Function::neg, {coefficient}), ranges);
            return;
        case Function::mul: {
            const bool left = is_vector(table_, node.children[0]);
            add(node.children[left ? 0 : 1], table_.apply(Function::mul, {coefficient, node.children[left ? 1 : 0]}),
                ranges);
            return;
        }
        case Function::div:
            add(node.children[0], table_.apply(Function::div, {coefficient, node.children[1]}), ranges);
            return;
        default:
            return;
        }
    }

  private:
    Program& program_;
    ExprTable& table_;
    Form& form_;

    // The number of points of a mean's ranges: a product, or a sum of ones where a bound uses an earlier index.
    ExprId count(const Node& node) {
        bool rectangular = true;
        for (const Range& range : node.ranges)
            for (const Range& other : node.ranges)
                rectangular =
                    rectangular && range.lower.coefficient(other.index) == 0 && range.upper.coefficient(other.index) == 0;
        if (!rectangular) {
            Node sum;
            sum.op = Op::reduce;
            sum.type = Type::scalar;
            sum.reduction = Reduction::sum;
            sum.ranges = node.ranges;
            sum.children = {table_.number(1)};
            return table_.add(sum);
        }
        ExprId product = table_.number(1);
        for (const Range& range : node.ranges) {
            const ExprId size = table_.affine(range.upper - range.lower + Affine(1));
            product = table_.apply(Function::mul, {product, size});
        }
        return product;
    }
};

void product_reads(const ExprTable& table, ExprId e, std::vector<ElementRead>& reads) {
    const Node& node = table[e];
    if (node.op == Op::read) {
        reads.push_back({node.target, node.access});
        return;
    }
    for (const ExprId child : node.children)
        product_reads(table, child, reads);
}

// Vectors that a function of several of them reads.
void general_reads(const ExprTable& table, ExprId e, const std::vector<Range>& ranges, std::vector<ElementRead>& reads) {
    const Node& node = table[e];
    if (!is_vector(table, e))
        return;
    if (node.op == Op::read) {
        reads.push_back({node.target, node.access, ranges});
        return;
    }
    std::vector<Range> inner = ranges;
    inner.insert(inner.end(), node.ranges.begin(), node.ranges.end());
    for (const ExprId child : node.children)
        general_reads(table, child, inner, reads);
}

} // namespace

bool is_linear_root(const ExprTable& table, ExprId e) {
    const Node& node = table[e];
    if (node.type == Type::scalar)
        return true;
    switch (node.op) {
    case Op::matmul:
    case Op::parameter:
    case Op::read:
        return true;
    case Op::reduce:
        return node.reduction == Reduction::sum || node.reduction == Reduction::mean;
    case Op::apply:
        break;
    default:
        return false;
    }
    switch (node.function) {
    case Function::neg:
    case Function::add:
    case Function::sub:
        return true;
    case Function::mul:
        return !is_vector(table, node.children[0]) || !is_vector(table, node.children[1]);
    case Function::div:
        return !is_vector(table, node.children[1]);
    default:
        return false;
    }
}

bool is_linear_throughout(const ExprTable& table, ExprId e) {
    const Node& node = table[e];
    if (node.type == Type::scalar || node.op == Op::read)
        return true;
    if (!is_linear_root(table, e))
        return false;
    for (const ExprId child : node.children)
        if (is_vector(table, child) && !is_linear_throughout(table, child))
            return false;
    return true;
}

bool may_read_zero(const ExprTable& table, ExprId e) {
    return table[e].op == Op::read && table[e].access.mode == IndexMode::zero;
}

bool single_read_function(const ExprTable& table, ExprId e) {
    std::optional<ExprId> read;
    return is_vector(table, e) && !is_linear_throughout(table, e) && find_single_read(table, e, read) && read;
}

bool is_multiple(const ExprTable& table, ExprId e) {
    const Node& node = table[e];
    if (node.op != Op::apply || !is_vector(table, e))
        return false;
    switch (node.function) {
    case Function::neg:
        return true;
    case Function::mul:
        return is_number(table, node.children[0]) || is_number(table, node.children[1]);
    case Function::div:
        return is_number(table, node.children[1]);
    default:
        return false;
    }
}

bool mixes_kinks_and_series(const ExprTable& table, ExprId e) {
    Kinds found;
    kinds_of_terms(table, e, found);
    return found.kinks && found.series;
}

bool is_product(const ExprTable& table, ExprId e) {
    const Node& node = table[e];
    if (node.op == Op::read)
        return true;
    return node.op == Op::apply && node.function == Function::mul && is_vector(table, node.children[0]) &&
           is_vector(table, node.children[1]) && is_product(table, node.children[0]) && is_product(table, node.children[1]);
}

bool is_constant(const ExprTable& table, ExprId e) {
    const Node& node = table[e];
    if (node.op == Op::number || node.op == Op::affine)
        return true;
    if (node.op != Op::apply && node.op != Op::reduce)
        return false;
    for (const ExprId child : node.children)
        if (!is_constant(table, child))
            return false;
    return true;
}

Form form_of(Program& program, const Statement& statement) {
    Form form;
    const ExprId e = statement.value;
    const Type type = program.families[statement.family].type;
    if (type == Type::scalar) {
        form.kind = FormKind::scalar;
        return form;
    }
    if (type == Type::finite) {
        form.kind = FormKind::finite;
        return form;
    }
    if (single_read_function(program.exprs, e)) {
        std::optional<ExprId> read;
        find_single_read(program.exprs, e, read);
        const Node source = program.exprs[*read];
        form.kind = FormKind::activation;
        form.reads = {{source.target, source.access}};
        Node variable;
        variable.op = Op::variable;
        variable.type = Type::vector;
        const ExprId hole = program.exprs.add(variable);
        form.function = rewrite(program.exprs, e, [&](ExprId id) -> std::optional<ExprId> {
            return program.exprs[id].op == Op::read ? std::optional(hole) : std::nullopt;
        });
        return form;
    }
    if (program.exprs[e].op == Op::apply && is_product(program.exprs, e)) {
        form.kind = FormKind::product;
        product_reads(program.exprs, e, form.reads);
        return form;
    }
    if (is_linear_root(program.exprs, e)) {
        form.kind = FormKind::linear;
        Linear(program, form).add(e, program.exprs.number(1), {});
        return form;
    }
    general_reads(program.exprs, e, {}, form.reads);
    return form;
}

} // namespace tpc::network
