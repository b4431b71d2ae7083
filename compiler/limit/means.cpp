#include "compiler/limit/means.hpp"

#include <algorithm>

namespace tpc::limit {

using namespace ir;

namespace {

// f(-z) = -f(z) by structure: enough for zeros, a missed one costs only time.
bool is_odd(const ExprTable& table, ExprId function) {
    const Node& node = table[function];
    if (node.op == Op::variable)
        return true;
    if (node.op != Op::apply)
        return false;
    const auto is_scalar = [&](ExprId e) { return table[e].type == Type::scalar; };
    switch (node.function) {
    case Function::neg:
    case Function::sign:
    case Function::erf:
    case Function::tanh:
    case Function::sin:
    case Function::hardtanh:
        return is_odd(table, node.children[0]);
    case Function::add:
    case Function::sub:
        return is_odd(table, node.children[0]) && is_odd(table, node.children[1]);
    case Function::mul:
        return (is_scalar(node.children[0]) && is_odd(table, node.children[1])) ||
               (is_scalar(node.children[1]) && is_odd(table, node.children[0]));
    case Function::div:
        return is_scalar(node.children[1]) && is_odd(table, node.children[0]);
    default:
        return false;
    }
}

bool is_zero(const ExprTable& table, ExprId e) {
    return table[e].op == Op::number && table[e].number == 0;
}

// avg(x) of a centred x is 0: the vectors that subtract it stay centred.
ExprId without_zero_means(ExprTable& table, ExprId e, const std::vector<bool>& may_have_mean) {
    return rewrite(table, e, [&](ExprId id) -> std::optional<ExprId> {
        const Node& node = table[id];
        if (node.op != Op::mean)
            return std::nullopt;
        const Node& operand = table[node.children[0]];
        if (operand.op != Op::read || may_have_mean[operand.target])
            return std::nullopt;
        return table.number(0);
    });
}

} // namespace

void expand_parameter_means(network::Network& network) {
    Program& program = network.program;
    const auto expand = [&](std::vector<network::LinearTerm>& terms) {
        const std::size_t count = terms.size();
        for (std::size_t k = 0; k < count; ++k) {
            if (terms[k].base != network::Base::parameter)
                continue;
            const Parameter& parameter = program.parameters[terms[k].parameter];
            const ExprId mean = renamed(program.exprs, parameter.mean, [&](Symbol s) -> std::optional<Affine> {
                for (std::size_t d = 0; d < parameter.family.size(); ++d)
                    if (parameter.family[d].index == s)
                        return terms[k].member.indices[d];
                return std::nullopt;
            });
            if (is_zero(program.exprs, mean))
                continue;
            network::LinearTerm constant = terms[k];
            constant.base = network::Base::one;
            constant.coefficient = program.exprs.apply(Function::mul, {constant.coefficient, mean});
            terms.push_back(constant);
        }
    };
    for (network::Form& form : network.forms)
        expand(form.terms);
    for (network::OutputForm& output : network.outputs)
        expand(output.terms);
}

std::vector<bool> families_with_means(network::Network& network) {
    Program& program = network.program;
    std::vector<bool> mean(program.families.size(), false);
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t k = 0; k < program.statements.size(); ++k) {
            const std::uint32_t family = program.statements[k].family;
            const network::Form& form = network.forms[k];
            if (mean[family])
                continue;
            bool found = form.kind == network::FormKind::general || form.kind == network::FormKind::product;
            if (form.kind == network::FormKind::activation)
                found = mean[form.reads[0].family] || !is_odd(program.exprs, form.function);
            for (const network::LinearTerm& term : form.terms)
                found = found ||
                        (term.base == network::Base::one &&
                         !is_zero(program.exprs, without_zero_means(program.exprs, term.coefficient, mean))) ||
                        (term.base == network::Base::read && mean[term.operand]);
            mean[family] = found;
            changed = changed || found;
        }
    }
    return mean;
}

void drop_zero_means(network::Network& network, const std::vector<bool>& may_have_mean) {
    ExprTable& table = network.program.exprs;
    const auto clean = [&](std::vector<network::LinearTerm>& terms) {
        for (network::LinearTerm& term : terms)
            term.coefficient = without_zero_means(table, term.coefficient, may_have_mean);
        std::erase_if(terms, [&](const network::LinearTerm& term) { return is_zero(table, term.coefficient); });
    };
    for (network::Form& form : network.forms)
        clean(form.terms);
    for (network::OutputForm& output : network.outputs)
        clean(output.terms);
    for (std::size_t k = 0; k < network.program.statements.size(); ++k)
        if (network.forms[k].kind == network::FormKind::scalar)
            network.program.statements[k].value =
                without_zero_means(table, network.program.statements[k].value, may_have_mean);
}

} // namespace tpc::limit
