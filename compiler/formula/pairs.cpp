#include "compiler/check/uses.hpp"
#include "compiler/formula/build.hpp"

#include <algorithm>

namespace tpc::formula {

using namespace ir;

namespace {

struct Side { // one unit (statement or output) of one sample
    std::vector<Affine> indices;
    Domain domain;
};

Side side(const Build& build, std::size_t unit, bool right) {
    Side result;
    if (unit < build.statements) {
        result.indices = build.network.program.statements[unit].indices;
        result.domain = build.network.program.statements[unit].domain;
    } else {
        result.domain.ranges = build.network.outputs[unit - build.statements].family;
        for (const Range& range : result.domain.ranges)
            result.indices.push_back(Affine::of(range.index));
    }
    if (!right)
        return result;
    for (Affine& index : result.indices)
        index = build.prime(index);
    for (Range& range : result.domain.ranges)
        range = {build.recursions.primed(range.index), build.prime(range.lower), build.prime(range.upper)};
    for (Condition& condition : result.domain.conditions)
        condition.value = build.prime(condition.value);
    return result;
}

// Both samples have the same axes in a self equation.
Values one_sample_axes(const Build& build) {
    Values values;
    for (std::uint32_t k = 0; k < build.recursions.left_symbols; ++k)
        if (build.network.program.symbols[k].axis)
            values[build.recursions.primed(static_cast<Symbol>(k))] = Affine::of(static_cast<Symbol>(k));
    return values;
}

std::optional<Symbol> last_loop(const Build& build, const Affine& a) {
    std::optional<Symbol> last;
    for (const auto& [symbol, unused] : a.terms)
        if (!build.is_axis(symbol))
            last = symbol;
    return last;
}

// Loops that run over one and the same number count as equal, as the analysis finds them to be when they run over
// several: the text has the same form at all depths.
void same_single_points(const Domain& left, const Domain& right, Domain& domain) {
    const auto single = [&](Symbol s) -> std::optional<Affine> {
        for (const Range& range : domain.ranges)
            if (range.index == s && range.lower == range.upper && range.lower.is_constant())
                return range.lower;
        return std::nullopt;
    };
    for (std::size_t k = 0; k < std::min(left.ranges.size(), right.ranges.size()); ++k) {
        const Symbol a = left.ranges[k].index;
        const Symbol b = right.ranges[k].index;
        if (!single(a) || single(a) != single(b))
            continue;
        const Affine difference = Affine::of(b) - Affine::of(a);
        domain.conditions.push_back({difference, Relation::zero});
    }
}

// `i_ == i`, `l == 1`, `t == T` give a loop index its value; an equality that relates axes of both samples stays.
std::optional<std::pair<Symbol, Affine>> solution(const Build& build, const Domain& domain, const Condition& condition) {
    if (condition.relation != Relation::zero)
        return std::nullopt;
    Affine value = condition.value;
    value.denominator = 1;
    const bool axes =
        std::any_of(value.terms.begin(), value.terms.end(), [&](const auto& term) { return build.is_axis(term.first); });
    const auto loops =
        std::count_if(value.terms.begin(), value.terms.end(), [&](const auto& term) { return !build.is_axis(term.first); });
    if (axes && loops != 1)
        return std::nullopt;
    for (auto range = domain.ranges.rbegin(); range != domain.ranges.rend(); ++range) {
        const std::int64_t c = value.coefficient(range->index);
        if (c == 1 || c == -1)
            return std::pair(range->index, -c * (value - c * Affine::of(range->index)));
    }
    return std::nullopt;
}

void fix(Domain& domain, Values& values, Symbol symbol, const Affine& value) {
    const auto range =
        std::find_if(domain.ranges.begin(), domain.ranges.end(), [&](const Range& r) { return r.index == symbol; });
    const Range removed = *range;
    domain.ranges.erase(range);
    for (auto& [unused, earlier] : values)
        earlier = substitute(earlier, [&](Symbol s) { return s == symbol ? std::optional(value) : std::nullopt; });
    values[symbol] = value;
    domain = with(values, domain);
    domain.conditions.push_back({value - with(values, removed.lower), Relation::non_negative});
    domain.conditions.push_back({with(values, removed.upper) - value, Relation::non_negative});
}

} // namespace

void simplify(const Build& build, Domain& domain, Values& values) {
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t k = 0; k < domain.conditions.size() && !changed; ++k) {
            const auto solved = solution(build, domain, domain.conditions[k]);
            if (!solved)
                continue;
            changed = true;
            domain.conditions.erase(domain.conditions.begin() + static_cast<std::ptrdiff_t>(k));
            fix(domain, values, solved->first, solved->second);
        }
    }
    check::Bindings bindings;
    check::bind(bindings, domain.ranges);
    std::vector<Condition> kept;
    for (const Condition& c : domain.conditions) {
        const bool trivial =
            (c.relation == Relation::zero && c.value.is_constant(0)) ||
            (c.relation == Relation::non_negative &&
             check::provably_non_negative(build.result.program, c.value, bindings)) ||
            (c.relation == Relation::non_zero && check::provably_non_zero(build.result.program, c.value, bindings));
        if (!trivial && std::find(kept.begin(), kept.end(), c) == kept.end())
            kept.push_back(c);
    }
    domain.conditions = kept;
}

Instance instance_of(const Build& build, const limit::Equation& equation, bool self) {
    const Side left = side(build, equation.left_statement, false);
    const Side right = side(build, equation.right_statement, true);
    Instance result;
    result.domain = left.domain;
    result.domain.ranges.insert(result.domain.ranges.end(), right.domain.ranges.begin(), right.domain.ranges.end());
    result.domain.conditions.insert(result.domain.conditions.end(), right.domain.conditions.begin(),
                                    right.domain.conditions.end());
    for (const Affine& value : equation.where)
        result.domain.conditions.push_back({value, Relation::zero});
    if (self)
        result.values = one_sample_axes(build);
    result.domain = with(result.values, result.domain);
    tighten(result.domain);
    same_single_points(left.domain, right.domain, result.domain);
    std::stable_sort(
        result.domain.conditions.begin(), result.domain.conditions.end(),
        [&](const Condition& a, const Condition& b) { return last_loop(build, a.value) < last_loop(build, b.value); });
    simplify(build, result.domain, result.values);
    for (const Affine& index : left.indices)
        result.left.push_back(with(result.values, index));
    for (const Affine& index : right.indices)
        result.right.push_back(with(result.values, index));
    return result;
}

} // namespace tpc::formula
