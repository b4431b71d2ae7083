#include "compiler/rewrite/partition_sums.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>

namespace tpc::plan {
namespace {

bool summed(const TermOp& term, std::uint32_t slot) {
    return std::any_of(term.sums.begin(), term.sums.end(), [&](const LoopRange& range) { return range.slot == slot; });
}

// No loops appear but those over offsets and the term's own sums.
bool free_of_loops(const Plan& plan, const Linear& value, const TermOp& term) {
    return std::all_of(value.terms.begin(), value.terms.end(), [&](const auto& t) {
        return t.first >= plan.recursions.network.program.symbols.size() || summed(term, t.first);
    });
}
// False where a number or the bounds of another sum depend on the slot.
bool replace(const Plan& plan, TermOp& term, std::uint32_t slot, const Linear& value) {
    for (const Constant* c : {&term.scale, &term.rate, &term.left_factor.constant, &term.right_factor.constant})
        if (!c->fixed && involves(plan.recursions.network.program.exprs, c->expression, slot))
            return false;
    const auto all = [&](std::vector<Linear>& list) {
        for (Linear& linear : list)
            linear = substitute(linear, slot, value);
    };
    for (const LoopRange& range : term.sums)
        if (coefficient(range.lower, slot) != 0 || coefficient(range.upper, slot) != 0)
            return false;
    for (Guard& guard : term.guards)
        guard.value = substitute(guard.value, slot, value);
    all(term.left_factor.point);
    all(term.right_factor.point);
    all(term.entry.left.indices);
    all(term.entry.right.indices);
    return true;
}

bool restrict_sums(TermOp& term, const Linear& bound) {
    for (auto range = term.sums.rbegin(); range != term.sums.rend(); ++range) {
        const std::int64_t factor = coefficient(bound, range->slot);
        if (factor == 0)
            continue;
        const Linear none{0, {}, 1};
        const Linear rest = substitute(bound, range->slot, none);
        if (factor == 1)
            range->lowers.push_back(combine(rest, -1, none));
        else if (factor == -1)
            range->uppers.push_back(rest);
        return factor == 1 || factor == -1;
    }
    term.guards.push_back({bound, ir::Relation::non_negative});
    return true;
}

} // namespace

Linear less_offset(const Linear& value, std::size_t slot) {
    return combine({0, {{static_cast<std::uint32_t>(slot), 1}}, 1}, -1, value);
}

std::optional<TermOp> in_plane(const Plan& plan, TermOp term, const std::vector<OffsetPair>& pairs,
                               std::uint32_t first_offset, std::vector<Guard>& guards) {
    if (!keeps_offsets(term.entry))
        return std::nullopt;
    std::vector<Linear> at_least_zero;
    for (std::size_t o = 0; o < pairs.size(); ++o) {
        const auto apart = offset(term.entry.left.indices, term.entry.right.indices, pairs[o]);
        if (!apart)
            return std::nullopt;
        const Linear zero = less_offset(*apart, first_offset + o);
        const auto solved = std::find_if(term.sums.rbegin(), term.sums.rend(), [&](const LoopRange& range) {
            const std::int64_t factor = coefficient(zero, range.slot);
            return factor == 1 || factor == -1;
        });
        if (solved == term.sums.rend()) {
            if (std::any_of(zero.terms.begin(), zero.terms.end(), [&](const auto& t) { return summed(term, t.first); }))
                return std::nullopt;
            guards.push_back({zero, ir::Relation::zero});
            continue;
        }
        const LoopRange range = *solved;
        const Linear none{0, {}, 1};
        const Linear value = combine(substitute(zero, range.slot, none), -coefficient(zero, range.slot), none);
        const auto above = difference(value, range.lower);
        const auto below = difference(range.upper, value);
        if (!above || !below || !range.lowers.empty() || !range.uppers.empty())
            return std::nullopt;
        term.sums.erase(std::next(solved).base());
        at_least_zero.push_back(*above);
        at_least_zero.push_back(*below);
        for (Linear& bound : at_least_zero)
            bound = substitute(bound, range.slot, value);
        if (!replace(plan, term, range.slot, value))
            return std::nullopt;
    }
    for (const Linear& bound : at_least_zero) // bounds of the innermost index that appears
        if (!free_of_loops(plan, bound, term) || !restrict_sums(term, bound))
            return std::nullopt;
    return term;
}

} // namespace tpc::plan
