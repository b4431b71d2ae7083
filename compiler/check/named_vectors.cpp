#include "compiler/check/named_vectors.hpp"

#include <algorithm>

namespace tpc::check {
namespace {

using ir::ExprId;
using ir::Function;
using ir::Node;
using ir::Op;

struct Definitions {
    std::map<std::uint32_t, std::vector<OutputTerm>> own; // by statement: terms of vector parameters
    Links links;
};

OutputTerm own_term(const ir::ExprTable& exprs, const ParameterTerm& term) {
    const Node& parameter = exprs[term.parameter];
    OutputTerm made;
    made.kind = OutputTerm::Kind::scalar; // as for weights: nothing but a coefficient and a member
    made.ranges = term.ranges;
    made.coefficient = term.factor;
    made.parameter = parameter.target;
    made.member = parameter.access;
    made.span = parameter.span;
    return made;
}

// Of all statements that the families lead to; nothing where one of them is no such combination.
std::optional<Definitions> definitions(ir::Program& program, std::vector<std::uint32_t> pending) {
    Definitions result;
    std::set<std::uint32_t> seen(pending.begin(), pending.end());
    while (!pending.empty()) {
        const std::uint32_t family = pending.back();
        pending.pop_back();
        for (std::uint32_t k = 0; k < program.statements.size(); ++k) {
            if (program.statements[k].family != family)
                continue;
            const auto terms = terms_with_names(program.exprs, program.statements[k].value);
            if (!terms)
                return std::nullopt;
            std::vector<Link>& links = result.links[k];
            for (const ParameterTerm& term : *terms) {
                const Node& node = program.exprs[term.parameter];
                if (node.op == Op::parameter) {
                    result.own[k].push_back(own_term(program.exprs, term));
                    continue;
                }
                links.push_back({node.target, node.access, term.factor, term.ranges});
                if (seen.insert(node.target).second)
                    pending.push_back(node.target);
            }
        }
    }
    return result;
}

ExprId parameter_of(ir::ExprTable& exprs, const OutputTerm& term) {
    Node node;
    node.op = Op::parameter;
    node.type = ir::Type::vector;
    node.target = term.parameter;
    node.access = term.member;
    node.span = term.span;
    return exprs.add(std::move(node));
}

} // namespace

std::optional<std::vector<ParameterTerm>> terms_by_recursion(ir::Program& program, Weights& weights, ExprId side) {
    const auto terms = terms_with_names(program.exprs, side);
    if (!terms)
        return std::nullopt;
    std::vector<std::uint32_t> families;
    for (const ParameterTerm& term : *terms)
        if (const Node& node = program.exprs[term.parameter]; node.op == Op::read)
            families.push_back(node.target);
    const auto found = definitions(program, families);
    if (!found)
        return std::nullopt;
    std::vector<ParameterTerm> result;
    for (const ParameterTerm& term : *terms) {
        const Node read = program.exprs[term.parameter]; // a copy: the table grows below
        if (read.op == Op::parameter) {
            result.push_back(term);
            continue;
        }
        for (const auto& [statement, own] : found->own)
            for (const OutputTerm& made : weights.weighted(statement, own, read, found->links, {}, term.factor)) {
                ParameterTerm& added =
                    result.emplace_back(ParameterTerm{made.coefficient, parameter_of(program.exprs, made), term.ranges});
                added.ranges.insert(added.ranges.end(), made.ranges.begin(), made.ranges.end());
            }
    }
    return result;
}

namespace {

void flatten(const ir::ExprTable& exprs, ExprId id, bool inverse, std::vector<ExprId>& above, std::vector<ExprId>& below) {
    const Node& node = exprs[id];
    if (node.op == Op::apply && (node.function == Function::mul || node.function == Function::div)) {
        flatten(exprs, node.children[0], inverse, above, below);
        flatten(exprs, node.children[1], node.function == Function::div ? !inverse : inverse, above, below);
    } else {
        (inverse ? below : above).push_back(id);
    }
}

} // namespace

std::optional<ExprId> regrouped(ir::ExprTable& exprs, const Node& moment, const std::function<int(ExprId)>& chosen) {
    std::vector<ExprId> above, below;
    for (const ExprId side : moment.children)
        flatten(exprs, side, false, above, below);
    auto best = above.end();
    int rank = 0;
    for (auto factor = above.begin(); factor != above.end(); ++factor)
        if (const int own = exprs[*factor].type == ir::Type::vector ? chosen(*factor) : 0; own > rank) {
            best = factor;
            rank = own;
        }
    if (best == above.end())
        return std::nullopt;
    ExprId rest = exprs.number(1);
    for (auto factor = above.begin(); factor != above.end(); ++factor)
        if (factor != best)
            rest = times(exprs, rest, *factor);
    for (const ExprId factor : below)
        rest = over(exprs, rest, factor);
    Node made = moment;
    made.op = Op::moment;
    made.children = {*best, rest};
    return exprs.add(std::move(made));
}

} // namespace tpc::check
