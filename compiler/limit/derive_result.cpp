#include "compiler/limit/derivation.hpp"

#include <algorithm>

namespace tpc::limit {

using namespace ir;

namespace {

bool same_on_both_sides(const Derivation& derivation, const Affine& affine) {
    const DeriveOptions& options = derivation.options;
    return std::ranges::all_of(affine.terms, [&](const auto& term) {
        return derivation.program().info(term.first).axis &&
               (!options.left_sizes || options.left_sizes->at(term.first) == options.right_sizes->at(term.first));
    });
}

bool gap_linear(const Derivation& derivation, const Equation& equation) {
    if (equation.rule != Rule::linear || equation.left_statement != equation.right_statement)
        return false;
    // Terms that meet no equal one on the other side, whole or in part, count in the gap all the same.
    const std::vector<LinearTerm>& terms = derivation.units[equation.left_statement].form.terms;
    if (equation.terms.size() != terms.size())
        return false;
    for (const PairTerm& term : equation.terms) {
        if (term.left_term != term.right_term || !term.left_term)
            return false;
        for (const Range& range : terms[*term.left_term].ranges)
            if (!same_on_both_sides(derivation, range.lower) || !same_on_both_sides(derivation, range.upper))
                return false;
        if (term.kind == PairTerm::Kind::means && (term.left || term.right))
            return false;
        if (term.left_point != term.right_point || term.sums.size() != term.left_point.size())
            return false;
        if (!term.conditions.empty())
            return false;
    }
    return true;
}

// The equalities that hold over the demanded instances, beside those of the domain.
std::vector<Affine> demanded_equalities(const Derivation& derivation, const PairKey& key, const PairNode& node) {
    const IndexSpace& space = derivation.space(key.self);
    const std::vector<Symbol> symbols = derivation.loops(key);
    const std::vector<passes::Equality> domain = passes::equalities(node.domain, space.parameters());
    std::vector<Affine> result;
    for (const passes::Equality& equality : passes::equalities(*node.demand, space.parameters())) {
        if (std::ranges::find(domain, equality) != domain.end())
            continue;
        Affine value(equality.constant);
        for (std::size_t d = 0; d < symbols.size(); ++d)
            value = value + equality.coefficients[d] * Affine::of(symbols[d]);
        for (std::size_t d = 0; d < space.parameters().size(); ++d)
            value = value + equality.parameters[d] * Affine::of(space.parameter_symbol(d));
        result.push_back(std::move(value));
    }
    return result;
}

} // namespace

void collect(Derivation& derivation) {
    derivation.result.involved = derivation.touched;
    for (auto& [key, node] : derivation.nodes) {
        if (!node.demand)
            continue;
        Equation equation = node.equation;
        if (!derivation.loops(key).empty())
            equation.where = demanded_equalities(derivation, key, node);
        const auto on_diagonal = derivation.nodes.find({true, key.left, key.right});
        const bool gaps_known =
            derivation.units[key.left].output || (on_diagonal != derivation.nodes.end() && on_diagonal->second.demand &&
                                                  gap_linear(derivation, on_diagonal->second.equation));
        equation.gap_linear = gap_linear(derivation, equation) && gaps_known;
        (key.self ? derivation.result.self : derivation.result.cross).push_back(std::move(equation));
    }
}

} // namespace tpc::limit
