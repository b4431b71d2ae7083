#include "compiler/limit/matching.hpp"

#include <algorithm>

namespace tpc::limit {

using namespace ir;

Affine Matching::apply(const Affine& affine) const {
    if (solved.empty())
        return affine;
    return substitute(affine, [&](Symbol s) -> std::optional<Affine> {
        const auto found = solved.find(s);
        return found == solved.end() ? std::nullopt : std::optional(found->second);
    });
}

void Matching::require_equal(const Affine& left, const Affine& right) {
    const Affine difference = apply(right) - apply(left);
    if (difference.is_constant()) {
        impossible = impossible || difference.constant != 0;
        return;
    }
    for (auto range = sums.rbegin(); range != sums.rend(); ++range) {
        const std::int64_t coefficient = difference.coefficient(range->index);
        if (difference.denominator != 1 || (coefficient != 1 && coefficient != -1))
            continue;
        // coefficient * s + rest == 0
        const Affine rest = difference - coefficient * Affine::of(range->index);
        const Affine value = -coefficient * rest;
        const Range removed = *range;
        sums.erase(std::next(range).base());
        for (auto& [symbol, affine] : solved)
            affine = substitute(affine, [&](Symbol s) { return s == removed.index ? std::optional(value) : std::nullopt; });
        solved.emplace(removed.index, value);
        add_bounds(removed, value);
        for (Range& other : sums)
            other = {other.index, apply(other.lower), apply(other.upper)};
        for (Condition& condition : conditions)
            condition.value = apply(condition.value);
        return;
    }
    conditions.push_back({difference, Relation::zero});
}

// value in lower..upper, unless a remaining range says just that
void Matching::add_bounds(const Range& removed, const Affine& value) {
    for (const Range& other : sums)
        if (value == Affine::of(other.index) && apply(removed.lower) == other.lower && apply(removed.upper) == other.upper)
            return;
    conditions.push_back({value - apply(removed.lower), Relation::non_negative});
    conditions.push_back({apply(removed.upper) - value, Relation::non_negative});
}

} // namespace tpc::limit
