// Names preactivations, operands of matrices and of moments (network.hpp). A pass over statements: the value of each is
// rebuilt with reads of new families in place of the hoisted parts, and the statements of those stand before it.
#include "compiler/network/activations.hpp"
#include "compiler/network/form.hpp"
#include "compiler/network/forms.hpp"
#include "compiler/network/namer.hpp"

namespace tpc::network {

using namespace ir;

void Namer::walk(const std::vector<bool>& split) {
    passed_.clear();
    program_.body = walk(program_.body, split);
}

std::vector<Item> Namer::walk(const std::vector<Item>& items, const std::vector<bool>& split) {
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

LinearTerm Namer::readout(check::OutputTerm& term, const std::vector<Range>& family) {
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

ExprId Namer::lower_value(ExprId e, const Context& context) {
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

ExprId Namer::lower_children(ExprId e, const Context& context) {
    Node copy = node(e);
    Context inner = context;
    if (copy.op == Op::reduce)
        inner.sums.insert(inner.sums.end(), copy.ranges.begin(), copy.ranges.end());
    for (ExprId& child : copy.children)
        child = lower_scalar(child, inner);
    return program_.exprs.add(copy);
}

ExprId Namer::lower_scalar(ExprId e, const Context& context) {
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

std::optional<std::pair<ExprId, ExprId>> Namer::two_factors(ExprId e) const {
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

ExprId Namer::lower_linear(ExprId e, const Context& context) {
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

ExprId Namer::lower_function(ExprId e, const Context& context) {
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

} // namespace tpc::network
