// Runs through the instances of a plan's loops.
#pragma once

#include "compiler/plan/plan.hpp"

#include <algorithm>
#include <vector>

namespace tpc::plan {

// Where an instance stands in the program: at every level the place among the siblings and, for a loop, the iteration.
struct Step {
    std::size_t position = 0;
    std::int64_t iteration = 0;
};
using Path = std::vector<Step>;

// visit(statement) in program order, or in reverse.
template <class Visit>
void walk_left(const std::vector<WalkItem>& items, std::int64_t* slots, Path& path, bool reverse, const Visit& visit) {
    const auto one = [&](const WalkItem& item) {
        path.push_back({item.position, 0});
        if (item.loop) {
            const std::int64_t lower = item.range.first(slots);
            const std::int64_t upper = item.range.last(slots);
            for (std::int64_t k = lower; k <= upper; ++k) {
                const std::int64_t i = reverse ? lower + upper - k : k;
                slots[item.range.slot] = i;
                path.back().iteration = i;
                walk_left(item.children, slots, path, reverse, visit);
            }
        } else {
            visit(item.statement);
        }
        path.pop_back();
    };
    if (reverse)
        for (auto item = items.rbegin(); item != items.rend(); ++item)
            one(*item);
    else
        for (const WalkItem& item : items)
            one(item);
}

// The iterations of a right loop: where every operation below has its index decided, only those.
inline std::pair<std::int64_t, std::int64_t> right_bounds(const WalkItem& item, const std::int64_t* slots) {
    std::int64_t lower = item.range.first(slots);
    std::int64_t upper = item.range.last(slots);
    std::int64_t least = upper + 1;
    std::int64_t greatest = lower - 1;
    for (const auto& values : item.solutions) {
        if (values.empty())
            return {lower, upper};
        const std::int64_t numerator = values[0].numerator(slots);
        if (numerator % values[0].denominator != 0)
            continue; // no instance of this operation
        least = std::min(least, numerator / values[0].denominator);
        greatest = std::max(greatest, numerator / values[0].denominator);
    }
    return {std::max(lower, least), std::min(upper, greatest)};
}

// visit(operation) for the right instances in program order. With `until`, only those before that instance.
template <class Visit>
void walk_right(const std::vector<WalkItem>& items, std::int64_t* slots, const Path* until, std::size_t depth, bool reverse,
                const Visit& visit) {
    const auto one = [&](const WalkItem& item) {
        const Path* inner = until;
        if (until != nullptr) {
            if (depth >= until->size() || item.position > (*until)[depth].position)
                return;
            if (item.position < (*until)[depth].position)
                inner = nullptr;
        }
        if (!item.loop) {
            if (inner == nullptr) // else it is the instance itself
                for (const std::uint32_t op : item.ops)
                    visit(op);
            return;
        }
        auto [lower, upper] = right_bounds(item, slots);
        if (inner != nullptr)
            upper = std::min(upper, (*inner)[depth].iteration);
        for (std::int64_t k = lower; k <= upper; ++k) {
            const std::int64_t i = reverse ? lower + upper - k : k;
            slots[item.range.slot] = i;
            const bool last = inner != nullptr && i == (*inner)[depth].iteration;
            walk_right(item.children, slots, last ? inner : nullptr, depth + 1, reverse, visit);
        }
    };
    if (reverse)
        for (auto item = items.rbegin(); item != items.rend(); ++item)
            one(*item);
    else
        for (const WalkItem& item : items)
            one(item);
}

} // namespace tpc::plan
