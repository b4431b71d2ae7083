// Names preactivations, operands of matrices and of moments (network.hpp). A pass over statements: the value of each is
// rebuilt with reads of new families in place of the hoisted parts, and the statements of those stand before it.
#include "compiler/check/uses.hpp"
#include "compiler/ir/fresh_names.hpp"
#include "compiler/ir/renaming.hpp"
#include "compiler/limit/activations.hpp"
#include "compiler/limit/form.hpp"
#include "compiler/limit/forms.hpp"
#include "compiler/limit/network.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace tpc::limit {
namespace {

using namespace ir;

// Where an expression stands: the loops and conditions of its statement, then the ranges of the sums around it.
struct Context {
    Domain domain;
    std::vector<Range> sums;
};

struct Hoisted {
    ExprId expr;
    std::vector<Range> sums;
    ExprId read;
};

// A linear vector with a name, over all of these ranges.
struct Named {
    ExprId value;
    Domain domain;
    std::uint32_t family;
};

class Namer {
  public:
    explicit Namer(Program program) : program_(std::move(program)), names_(program_) {}

    Program program_;
    std::vector<Item> front_; // stands before the body

    // `split`, by statement: hoist the atoms (W @ x, b) of this linear statement.
    void walk(const std::vector<bool>& split) {
        passed_.clear();
        program_.body = walk(program_.body, split);
    }

    std::vector<Item> walk(const std::vector<Item>& items, const std::vector<bool>& split) {
        std::vector<Item> result;
        for (const Item& item : items) {
            if (const auto* loop = std::get_if<Loop>(&item.node)) {
                std::vector<Item> body = walk(loop->body, split);
                if (!body.empty() || loop->body.empty())
                    result.push_back({Loop{loop->range, std::move(body)}});
                continue;
            }
            const auto index = std::get<std::uint32_t>(item.node);
            const Statement statement = program_.statements[index];
            if (owned_.contains(statement.family) && !passed_.insert(statement.family).second)
                continue; // brought forward
            begin();
            splitting_ = index < split.size() && split[index];
            const Context context{statement.domain, {}};
            program_.statements[index].value = lower_value(statement.value, context);
            result.insert(result.end(), pending_.begin(), pending_.end());
            result.push_back(item);
        }
        return result;
    }

    // The parameters whose members some output reads under an index mode. All of their terms become reads of vectors, that
    // two terms with one member in common meet as such: v[t+1 | wrap]' x / sqrt(n) is the average of v[t+1 | wrap] * x times
    // sqrt(n), and c[t+1 | wrap] has the law of a coordinate of such a vector.
    std::set<std::uint32_t> moved_;

    // A term of an output over elements of families, `term` itself as well; their statements go to the end of the program.
    LinearTerm readout(check::OutputTerm& term, const std::vector<Range>& family) {
        LinearTerm result{.base = Base::matmul,
                          .ranges = term.ranges,
                          .coefficient = term.coefficient,
                          .parameter = term.parameter,
                          .member = term.member,
                          .transposed = false,
                          .operand = 0,
                          .operand_is_input = false,
                          .access = {},
                          .span = term.span};
        begin();
        Context context{{}, family};
        context.sums.insert(context.sums.end(), term.ranges.begin(), term.ranges.end());
        result.coefficient = term.coefficient = lower_scalar(term.coefficient, context);
        const bool readout = term.kind == check::OutputTerm::Kind::readout;
        if (readout)
            term.vector = node(term.vector).type == Type::scalar ? hoist(term.vector, context, "o", Type::vector)
                                                                 : as_read(term.vector, context, "o");
        ExprId operand = term.vector;
        if (term.kind == check::OutputTerm::Kind::constant) {
            result.base = Base::one;
        } else if (moved_.contains(term.parameter)) {
            result.base = Base::read;
            operand = of_moved(term, context);
        } else if (!readout) {
            result.base = Base::parameter;
        }
        if (result.reads_vector()) {
            result.operand = node(operand).target;
            result.access = node(operand).access;
        }
        program_.body.insert(program_.body.end(), pending_.begin(), pending_.end());
        return result;
    }

  private:
    FreshNames names_;
    std::vector<Hoisted> memo_; // of the current statement
    std::vector<Item> pending_;
    std::map<std::vector<std::uint32_t>, std::vector<Named>> named_; // of the whole program, by shape
    std::set<std::uint32_t> owned_;                                  // the families in named_, of one statement each
    std::set<std::uint32_t> passed_;                                 // those of them that this walk has defined
    bool splitting_ = false;
    std::map<std::uint32_t, std::uint32_t> own_, members_; // by parameter: of a readout; the family over its members

    // v[member] * x of a readout, c[member] of a scalar.
    ExprId of_moved(const check::OutputTerm& term, const Context& context) {
        const auto [own, first] = own_.try_emplace(term.parameter, term.parameter);
        if (first)
            own->second = apart_from_network(term.parameter);
        Node member;
        member.op = Op::parameter;
        member.type = Type::vector;
        member.target = own->second;
        member.access = term.member;
        member.span = term.span;
        const ExprId vector = program_.exprs.add(member);
        if (term.kind == check::OutputTerm::Kind::scalar)
            return hoist(vector, context, "g");
        return hoist(program_.exprs.apply(Function::mul, {vector, term.vector}, term.span), context, "o");
    }

    // A readout is independent of what it reads. Where that is only assumed, it becomes a parameter of its own.
    std::uint32_t apart_from_network(std::uint32_t parameter) {
        bool used = false;
        for (const Statement& statement : program_.statements)
            check::visit(program_.exprs, statement.value, [&](ExprId, const Node& part) {
                used = used || (part.op == Op::parameter && part.target == parameter);
            });
        if (!used)
            return parameter;
        program_.parameters.push_back(Parameter(program_.parameters[parameter]));
        program_.parameters.back().name = names_.fresh(program_.parameters[parameter].name);
        return static_cast<std::uint32_t>(program_.parameters.size() - 1);
    }

    void begin() {
        memo_.clear();
        pending_.clear();
    }

    const Node& node(ExprId id) const { return program_.exprs[id]; }

    // The shape of an expression: what it has beside indices.
    void shape(ExprId id, std::vector<std::uint32_t>& result) const {
        const Node& n = node(id);
        for (const auto part : {static_cast<std::uint32_t>(n.op), static_cast<std::uint32_t>(n.function), n.target,
                                static_cast<std::uint32_t>(n.children.size())})
            result.push_back(part);
        for (const ExprId child : n.children)
            shape(child, result);
    }

    // A linear vector that another statement named is the same Gaussian: what stands before in the loops that both are in
    // has been defined for all of the other ones. What stands behind can be brought forward if it is for the same ones.
    std::optional<std::uint32_t> named(ExprId value, const Domain& domain, const std::vector<Named>& known) {
        for (const Named& one : known) {
            if (one.domain.ranges.size() != domain.ranges.size())
                continue;
            const auto rename = [&](Symbol symbol) -> std::optional<Affine> {
                for (std::size_t k = 0; k < domain.ranges.size(); ++k)
                    if (one.domain.ranges[k].index == symbol)
                        return Affine::of(domain.ranges[k].index);
                return std::nullopt;
            };
            bool equal = (one.domain.conditions.empty() && passed_.contains(one.family)) ||
                         one.domain.conditions == domain.conditions;
            for (std::size_t k = 0; k < domain.ranges.size(); ++k)
                equal = equal && substitute(one.domain.ranges[k].lower, rename) == domain.ranges[k].lower &&
                        substitute(one.domain.ranges[k].upper, rename) == domain.ranges[k].upper;
            if (equal && same(program_.exprs, renamed(program_.exprs, one.value, rename), value))
                return one.family;
        }
        return std::nullopt;
    }

    // A new family for `value`, indexed by all loops and sums around it; returns the read that takes its place. Of type
    // `vector`, a number is the constant vector.
    ExprId hoist(ExprId value, const Context& context, const std::string& stem) {
        return hoist(value, context, stem, node(value).type);
    }
    ExprId hoist(ExprId value, const Context& context, const std::string& stem, Type type) {
        for (const Hoisted& known : memo_)
            if (known.sums == context.sums && same(program_.exprs, known.expr, value))
                return known.read;
        const source::Span span = node(value).span;
        Domain whole = context.domain;
        whole.ranges.insert(whole.ranges.end(), context.sums.begin(), context.sums.end());
        std::vector<Named>* known = nullptr;
        std::optional<std::uint32_t> forward;
        if (node(value).type == Type::vector && is_linear_root(program_.exprs, value)) {
            std::vector<std::uint32_t> key;
            shape(value, key);
            known = &named_[key];
            const auto family = named(value, whole, *known);
            if (family && !passed_.contains(*family))
                forward = family;
            else if (family) {
                Access element;
                for (const Range& range : whole.ranges)
                    element.indices.push_back(Affine::of(range.index));
                return read(*family, Type::vector, element, span);
            }
        }
        // Sums become loops of the new statement; a symbol is bound in one place, so they get new ones.
        Statement statement;
        statement.domain = context.domain;
        Renaming rename;
        Access access;
        for (const Range& loop : context.domain.ranges) {
            statement.indices.push_back(Affine::of(loop.index));
            access.indices.push_back(Affine::of(loop.index));
        }
        std::vector<Range> loops;
        for (const Range& sum : context.sums) {
            const Range range = fresh_range(program_, sum, rename, span);
            loops.push_back(range);
            statement.domain.ranges.push_back(range);
            statement.indices.push_back(Affine::of(range.index));
            access.indices.push_back(Affine::of(sum.index));
        }
        statement.span = statement.target_span = span;
        statement.family = forward.value_or(static_cast<std::uint32_t>(program_.families.size()));
        if (!forward)
            program_.families.push_back({names_.fresh(stem), type, static_cast<unsigned>(statement.indices.size()), span});
        const ExprId renamed_value = rename.pairs.empty() ? value : renamed(program_.exprs, value, rename);
        const std::uint32_t family = statement.family;
        // What the new statement's own value needs is named first.
        Context inner{statement.domain, {}};
        std::vector<Hoisted> outer_memo;
        std::vector<Item> outer_pending;
        const bool nested = !loops.empty();
        const bool outer_splitting = splitting_;
        splitting_ = false;
        if (nested) {
            outer_memo.swap(memo_);
            outer_pending.swap(pending_);
        }
        statement.value = lower_value(renamed_value, inner);
        splitting_ = outer_splitting;
        const auto index = static_cast<std::uint32_t>(program_.statements.size());
        program_.statements.push_back(statement);
        pending_.push_back({index});
        if (nested) {
            const std::vector<Item> items = in_loops(loops, std::move(pending_));
            memo_.swap(outer_memo);
            pending_ = std::move(outer_pending);
            pending_.insert(pending_.end(), items.begin(), items.end());
        }
        const ExprId id = read(family, type, access, span);
        memo_.push_back({value, context.sums, id});
        if (known != nullptr) {
            if (!forward)
                known->push_back({value, whole, family});
            owned_.insert(family);
            passed_.insert(family);
        }
        return id;
    }

    ExprId read(std::uint32_t family, Type type, const Access& access, source::Span span) {
        Node element;
        element.op = Op::read;
        element.type = type;
        element.target = family;
        element.access = access;
        element.span = span;
        return program_.exprs.add(element);
    }

    ExprId as_read(ExprId e, const Context& context, const std::string& stem) {
        return node(e).op == Op::read ? e : hoist(e, context, stem);
    }

    // b[i | wrap] and K[i | wrap] @ x are elements of families over all members of the parameter: modes have rules for
    // those.
    ExprId over_members(ExprId e, const Context& context) {
        Node atom = node(e);
        const Access access = std::exchange(atom.access, {});
        if (atom.op == Op::parameter) {
            const auto [family, first] = members_.try_emplace(atom.target, 0);
            if (first)
                family->second = define_members(atom);
            return read(family->second, Type::vector, access, atom.span);
        }
        Context members = context;
        const std::vector<Range> ranges = renamed_members(atom);
        members.sums.insert(members.sums.end(), ranges.begin(), ranges.end());
        Node found = node(hoist(program_.exprs.add(atom), members, "g"));
        std::copy(access.indices.begin(), access.indices.end(), found.access.indices.end() - access.indices.size());
        found.access.mode = access.mode;
        return program_.exprs.add(found);
    }

    // Ranges over all members of the atom's parameter under new names, and the atom's own access becomes theirs.
    std::vector<Range> renamed_members(Node& atom) {
        std::vector<Range> result;
        Renaming rename;
        const std::vector<Range> family = program_.parameters[atom.target].family;
        for (const Range& range : family) {
            const Symbol symbol = program_.fresh(program_.info(range.index).name, false, atom.span);
            result.push_back({symbol, substitute(range.lower, rename), substitute(range.upper, rename)});
            rename.pairs.emplace_back(range.index, Affine::of(symbol));
            atom.access.indices.push_back(Affine::of(symbol));
        }
        return result;
    }

    // g[m] = b[m] for all m, before everything else: no loop of the program is around it.
    std::uint32_t define_members(Node atom) {
        Statement statement;
        statement.domain.ranges = renamed_members(atom);
        statement.indices.assign(atom.access.indices.begin(), atom.access.indices.end());
        statement.value = program_.exprs.add(atom);
        statement.span = statement.target_span = atom.span;
        statement.family = static_cast<std::uint32_t>(program_.families.size());
        program_.families.push_back(
            {names_.fresh("g"), Type::vector, static_cast<unsigned>(statement.indices.size()), atom.span});
        const std::uint32_t family = statement.family;
        const std::vector<Item> items =
            in_loops(statement.domain.ranges, {{static_cast<std::uint32_t>(program_.statements.size())}});
        program_.statements.push_back(std::move(statement));
        front_.insert(front_.end(), items.begin(), items.end());
        return family;
    }

    ExprId lower_value(ExprId e, const Context& context) {
        switch (node(e).type) {
        case Type::scalar:
            return lower_scalar(e, context);
        case Type::finite:
            return lower_children(e, context);
        case Type::vector:
            break;
        }
        if (is_linear_root(program_.exprs, e) &&
            (!single_read_function(program_.exprs, e) || mixes_kinks_and_series(program_.exprs, e)))
            return lower_linear(e, context);
        return lower_function(e, context);
    }

    // Rebuilds a node from lowered children; sums put their ranges into the children's context.
    ExprId lower_children(ExprId e, const Context& context) {
        Node copy = node(e);
        Context inner = context;
        if (copy.op == Op::reduce)
            inner.sums.insert(inner.sums.end(), copy.ranges.begin(), copy.ranges.end());
        for (ExprId& child : copy.children)
            child = lower_scalar(child, inner);
        return program_.exprs.add(copy);
    }

    // Moments read named vectors. The average of a product is a moment of its factors: no name for the product is needed.
    ExprId lower_scalar(ExprId e, const Context& context) {
        Node copy = node(e);
        if (copy.op == Op::mean)
            if (const auto factors = two_factors(copy.children[0])) {
                copy.op = Op::moment;
                copy.children = {factors->first, factors->second};
            }
        if (copy.op == Op::moment || copy.op == Op::mean) {
            for (ExprId& child : copy.children)
                child = node(child).type == Type::vector ? as_read(child, context, "y") : lower_scalar(child, context);
            return program_.exprs.add(copy);
        }
        return lower_children(e, context);
    }

    // x * y, x^2 and square(x) of vectors.
    std::optional<std::pair<ExprId, ExprId>> two_factors(ExprId e) const {
        const Node& product = node(e);
        if (product.op != Op::apply)
            return std::nullopt;
        const ExprId first = product.children[0];
        if (node(first).type != Type::vector)
            return std::nullopt;
        if (product.function == Function::square)
            return std::pair(first, first);
        const ExprId second = product.children.back();
        if (product.function == Function::pow && node(second).op == Op::number && node(second).number == 2)
            return std::pair(first, first);
        if (product.function == Function::mul && node(second).type == Type::vector)
            return std::pair(first, second);
        return std::nullopt;
    }

    ExprId lower_linear(ExprId e, const Context& context) {
        Node copy = node(e);
        if ((copy.op == Op::matmul || copy.op == Op::parameter) && copy.access.mode != IndexMode::none)
            return over_members(e, context);
        if (splitting_ && (copy.op == Op::matmul || (copy.op == Op::parameter && copy.type == Type::vector)))
            return hoist(e, context, "g");
        if (copy.type == Type::scalar)
            return lower_scalar(e, context);
        if (copy.op == Op::matmul) {
            ExprId& operand = copy.children[0];
            if (node(operand).type == Type::vector)
                operand = as_read(operand, context, "z");
            else if (node(operand).type == Type::scalar)
                operand = hoist(operand, context, "u", Type::vector);
            else if (node(operand).op != Op::input_row)
                operand = as_read(operand, context, "u");
            return program_.exprs.add(copy);
        }
        if (copy.op == Op::read || copy.op == Op::parameter)
            return e;
        if (!is_linear_root(program_.exprs, e))
            return hoist(e, context, "p");
        Context inner = context;
        if (copy.op == Op::reduce)
            inner.sums.insert(inner.sums.end(), copy.ranges.begin(), copy.ranges.end());
        for (ExprId& child : copy.children)
            child = lower_linear(child, inner);
        return program_.exprs.add(copy);
    }

    // A nonlinear function: its arguments become functions of single reads or reads.
    ExprId lower_function(ExprId e, const Context& context) {
        if (node(e).type == Type::scalar)
            return lower_scalar(e, context);
        if (single_read_function(program_.exprs, e))
            return e;
        Node copy = node(e);
        if (may_read_zero(program_.exprs, e))
            return hoist(e, context, "g");
        if (is_linear_root(program_.exprs, e) && !is_multiple(program_.exprs, e))
            return as_read(e, context, "g");
        Context inner = context;
        if (copy.op == Op::reduce)
            inner.sums.insert(inner.sums.end(), copy.ranges.begin(), copy.ranges.end());
        for (ExprId& child : copy.children)
            child = lower_function(child, inner);
        const ExprId lowered = program_.exprs.add(copy);
        if (copy.op != Op::apply || copy.function != Function::mul || single_read_function(program_.exprs, lowered))
            return lowered;
        // A product of functions of different vectors: each factor gets a name.
        for (ExprId& child : copy.children)
            if (node(child).type == Type::vector && !is_product(program_.exprs, child))
                child = as_read(child, context, "p");
        return program_.exprs.add(copy);
    }
};

} // namespace

Network name_preactivations(Program program, std::vector<std::vector<check::OutputTerm>> outputs) {
    Network network;
    network.first_given = static_cast<std::uint32_t>(program.families.size());
    share_activations(program);
    Namer namer(std::move(program));
    namer.walk({});
    for (const auto& terms : outputs)
        for (const check::OutputTerm& term : terms)
            if (term.kind != check::OutputTerm::Kind::constant && term.member.mode != IndexMode::none)
                namer.moved_.insert(term.parameter);
    for (std::size_t k = 0; k < outputs.size(); ++k) {
        const Output output = namer.program_.outputs[k];
        OutputForm form{output.name, output.family, {}, output.span};
        for (check::OutputTerm& term : outputs[k])
            form.terms.push_back(namer.readout(term, output.family));
        network.outputs.push_back(std::move(form));
    }
    const std::vector<Form> forms = forms_of(namer.program_);
    namer.walk(statements_to_split(namer.program_, forms));
    namer.program_.body.insert(namer.program_.body.begin(), namer.front_.begin(), namer.front_.end());
    network.program = std::move(namer.program_);
    network.output_terms = std::move(outputs);
    number_in_order(network.program);
    network.forms = forms_of(network.program);
    compose_activations(network.program, network.forms);
    network.gaussian = gaussian_families(network.program, network.forms);
    return network;
}

} // namespace tpc::limit
