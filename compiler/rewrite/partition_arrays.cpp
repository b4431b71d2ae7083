#include "compiler/rewrite/partition_arrays.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>
#include <functional>

namespace tpc::plan {

std::optional<Linear> offset(const std::vector<Linear>& left, const std::vector<Linear>& right, const OffsetPair& pair) {
    return difference(right[pair.right], left[pair.left]);
}

bool keeps_offsets(const EntryRead& read) {
    return std::ranges::all_of(std::array{read.left.mode, read.right.mode}, [](ir::IndexMode mode) {
        return mode == ir::IndexMode::none || mode == ir::IndexMode::zero;
    });
}

std::size_t left_rank(const Plan& plan, const PairArray& array) {
    return plan.left.rank(array.left);
}

std::optional<std::size_t> kept(const PairArray& array, std::size_t dimension) {
    const auto found = std::find(array.kept.begin(), array.kept.end(), dimension);
    return found == array.kept.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - array.kept.begin()));
}

namespace {

bool same(const std::optional<Linear>& a, const std::optional<Linear>& b) {
    return a && b && constant_difference(*a, *b) == 0;
}

std::vector<OffsetPair> pairs_of(const Plan& plan, std::uint32_t a, const std::function<bool(const OffsetPair&)>& wanted) {
    std::vector<OffsetPair> pairs;
    const PairArray& array = plan.whole().arrays[a];
    if (array.output)
        return pairs;
    const std::size_t rank = left_rank(plan, array);
    for (const std::size_t left : array.kept)
        for (const std::size_t right : array.kept)
            if (left < rank && right >= rank && wanted({left, right - rank}))
                pairs.push_back({left, right - rank});
    return pairs;
}

// One pair for each offset, or nothing; a plane leaves out an index on the right for each, so these are different ones.
std::vector<OffsetPair> match(const Plan& plan, std::uint32_t array, const std::vector<Linear>& left,
                              const std::vector<Linear>& right, const std::vector<std::optional<Linear>>& offsets) {
    std::vector<OffsetPair> result;
    for (const auto& wanted : offsets) {
        const auto found =
            pairs_of(plan, array, [&](const OffsetPair& pair) { return same(offset(left, right, pair), wanted); });
        if (found.size() != 1 ||
            std::ranges::any_of(result, [&](const OffsetPair& pair) { return pair.right == found[0].right; }))
            return {};
        result.push_back(found[0]);
    }
    return result;
}
std::vector<std::optional<Linear>> offsets(const std::vector<Linear>& left, const std::vector<Linear>& right,
                                           const std::vector<OffsetPair>& pairs) {
    std::vector<std::optional<Linear>> result;
    for (const OffsetPair& pair : pairs)
        result.push_back(offset(left, right, pair));
    return result;
}

PlaneArrays grow(const Plan& plan, std::uint32_t seed, const std::set<std::uint32_t>& taken) {
    PlaneArrays component;
    const auto pairs = pairs_of(plan, seed, [](const OffsetPair& pair) { return pair.left == pair.right; });
    if (pairs.empty())
        return component;
    component[seed] = pairs;
    for (bool changed = true; changed;) {
        changed = false;
        for (const PairOp& op : plan.whole().ops)
            for (const EntryRead* read : reads_of(op)) {
                const auto target = component.find(op.array);
                const auto source = component.find(read->array);
                if ((target == component.end()) == (source == component.end()) || op.output || read->array == no_array ||
                    !keeps_offsets(*read))
                    continue;
                const bool forward = source != component.end();
                if (taken.contains(forward ? op.array : read->array))
                    continue;
                const auto found = forward ? match(plan, op.array, op.left_target, op.right_target,
                                                   offsets(read->left.indices, read->right.indices, source->second))
                                           : match(plan, read->array, read->left.indices, read->right.indices,
                                                   offsets(op.left_target, op.right_target, target->second));
                if (found.empty())
                    continue;
                component[forward ? op.array : read->array] = found;
                changed = true;
            }
    }
    return component;
}

// Every read among the arrays keeps the offsets.
bool consistent(const Plan& plan, const PlaneArrays& component) {
    for (const PairOp& op : plan.whole().ops) {
        const auto target = component.find(op.array);
        if (target == component.end())
            continue;
        const auto own = offsets(op.left_target, op.right_target, target->second);
        if (std::any_of(own.begin(), own.end(), [](const auto& o) { return !o; }))
            return false;
        for (const EntryRead* read : reads_of(op)) {
            const auto source = component.find(read->array);
            if (source == component.end())
                continue;
            const auto given = offsets(read->left.indices, read->right.indices, source->second);
            for (std::size_t k = 0; k < own.size(); ++k)
                if (!same(own[k], given[k]) || !keeps_offsets(*read))
                    return false;
        }
    }
    return true;
}

} // namespace

PlaneArrays plane_arrays(const Plan& plan, std::uint32_t seed, const std::set<std::uint32_t>& taken) {
    PlaneArrays component = grow(plan, seed, taken);
    return consistent(plan, component) ? component : PlaneArrays{};
}

} // namespace tpc::plan
