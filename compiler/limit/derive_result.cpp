#include "compiler/limit/derivation.hpp"

#include <algorithm>

namespace tpc::limit {

using namespace ir;
using passes::Set;

namespace {

// A bound of a sum has one value at both instances, for all pairs that are demanded.
bool same_on_both_sides(const Derivation& derivation, const PairKey& key, const Set& demanded, const Affine& bound) {
    const DeriveOptions& options = derivation.options;
    Affine of_indices;
    of_indices.denominator = bound.denominator;
    for (const auto& [symbol, factor] : bound.terms) {
        if (!derivation.program().info(symbol).axis)
            of_indices.terms.emplace_back(symbol, factor);
        else if (options.left_sizes && options.left_sizes->at(symbol) != options.right_sizes->at(symbol))
            return false;
    }
    if (of_indices.terms.empty())
        return true;
    const std::vector<Symbol> loops = derivation.loops(key);
    const Affine apart = derivation.prime(of_indices) - of_indices;
    return std::ranges::all_of(apart.terms,
                               [&](const auto& term) { return std::ranges::find(loops, term.first) != loops.end(); }) &&
           demanded.subset_of(derivation.space(key.self).set(loops, {{apart, Relation::zero}}));
}

bool mentions(const ExprTable& table, ExprId e, Symbol symbol) {
    const Node& node = table[e];
    return node.affine.coefficient(symbol) != 0 ||
           std::ranges::any_of(node.children, [&](ExprId child) { return mentions(table, child, symbol); });
}

// All members of a parameter have one variance.
bool of_one_variance(const Program& program, std::uint32_t parameter) {
    const Parameter& own = program.parameters[parameter];
    return std::ranges::none_of(own.family,
                                [&](const Range& range) { return mentions(program.exprs, own.scale, range.index); });
}

// Terms pair up with themselves at the other instance, over the same sums. Where a pair's conditions do not hold its two
// terms are independent, and count in the gap all the same; so do terms that read zero.
bool gap_linear(const Derivation& derivation, const PairKey& key, const PairNode& node) {
    const Equation& equation = node.equation;
    if (equation.rule != Rule::linear || equation.left_statement != equation.right_statement)
        return false;
    const std::vector<network::LinearTerm>& terms = derivation.units[equation.left_statement].form.terms;
    if (equation.terms.size() != terms.size())
        return false;
    for (const PairTerm& term : equation.terms) {
        if (term.left_term != term.right_term || !term.left_term)
            return false;
        for (const Range& range : terms[*term.left_term].ranges)
            for (const Affine& bound : {range.lower, range.upper})
                if (!same_on_both_sides(derivation, key, *node.demand, bound))
                    return false;
        if (term.kind == PairTerm::Kind::means && (term.left || term.right))
            return false;
        if (term.left_point != term.right_point || term.sums.size() != term.left_point.size())
            return false;
        if (!term.conditions.empty() && !of_one_variance(derivation.program(), term.parameter))
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
    derivation.result.involved = derivation.numbered;
    std::vector<bool> needed(derivation.program().families.size(), false);
    for (std::size_t k = 0; k < derivation.program().statements.size(); ++k)
        if (derivation.numbered[k])
            needed[derivation.units[k].family] = true;
    name_deviations(derivation.result.network.program, derivation.result.deviations, needed);
    for (auto& [key, node] : derivation.nodes) {
        if (!node.demand)
            continue;
        Equation equation = node.equation;
        if (!derivation.loops(key).empty())
            equation.where = demanded_equalities(derivation, key, node);
        const auto on_diagonal = derivation.nodes.find({true, key.left, key.right});
        const bool gaps_known =
            derivation.units[key.left].output || (on_diagonal != derivation.nodes.end() && on_diagonal->second.demand &&
                                                  gap_linear(derivation, on_diagonal->first, on_diagonal->second));
        equation.gap_linear = gap_linear(derivation, key, node) && gaps_known;
        (key.self ? derivation.result.self : derivation.result.cross).push_back(std::move(equation));
    }
}

} // namespace tpc::limit
