#include "runtime/tiles/nest.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>

namespace tpc::execute {
namespace {

using Slots = llvm::SmallVector<std::uint32_t, 2>;

bool depends_on_any(const plan::Linear& value, const Slots& slots) {
    return std::any_of(slots.begin(), slots.end(), [&](std::uint32_t slot) { return plan::coefficient(value, slot) != 0; });
}

// A loop of one turn.
bool single(const plan::WalkItem& item) {
    return item.range.lowers.empty() && item.range.uppers.empty() &&
           plan::constant_difference(item.range.lower, item.range.upper) == 0;
}

bool follow_op(std::uint32_t op, const std::vector<const plan::WalkItem*>& path, const Slots& slots, Follower& result) {
    result.op = op;
    result.moving.assign(slots.size(), path.size());
    bool runs = false;
    for (const plan::WalkItem* item : path) {
        const std::vector<std::uint32_t> ops = operations(*item);
        const auto k = static_cast<std::size_t>(std::find(ops.begin(), ops.end(), op) - ops.begin());
        const bool solved = !item->solutions[k].empty() || single(*item);
        const plan::Linear& value = item->solutions[k].empty() ? item->range.lower : item->solutions[k][0];
        if ((solved && value.denominator != 1) || depends_on_any(item->range.lower, slots) ||
            depends_on_any(item->range.upper, slots))
            return false;
        // indices of outer right loops that move as well would have to be followed too
        for (const Follower::Loop& outer : result.loops)
            if ((solved && depends_on_any(value, {outer.range->slot})) ||
                depends_on_any(item->range.lower, {outer.range->slot}) ||
                depends_on_any(item->range.upper, {outer.range->slot}))
                return false;
        if (!solved) {
            if (runs || slots.size() != 1)
                return false;
            runs = true;
            result.loops.push_back({&item->range, nullptr});
            continue;
        }
        bool moves = false;
        for (std::size_t s = 0; s < slots.size(); ++s) {
            const std::int64_t factor = plan::coefficient(value, slots[s]);
            if (factor == 0)
                continue;
            if (factor != 1 || moves || result.moving[s] != path.size())
                return false;
            result.moving[s] = result.loops.size();
            moves = true;
        }
        result.loops.push_back({&item->range, &value});
    }
    return runs || std::find(result.moving.begin(), result.moving.end(), path.size()) == result.moving.end();
}

bool follow(const std::vector<plan::WalkItem>& items, std::vector<const plan::WalkItem*>& path, const Slots& slots,
            std::vector<Follower>& result) {
    for (const plan::WalkItem& item : items) {
        if (item.loop) {
            path.push_back(&item);
            if (!follow(item.children, path, slots, result))
                return false;
            path.pop_back();
            continue;
        }
        for (const std::uint32_t op : item.ops)
            if (!follow_op(op, path, slots, result.emplace_back()))
                return false;
    }
    return true;
}

} // namespace

std::optional<Nest> nest_of(const plan::Part& part, const plan::WalkItem& outer) {
    Nest nest;
    if (!outer.fissile || (single(outer) && outer.children.size() == 1 && outer.children[0].loop)) // that one is longer
        return std::nullopt;
    const plan::WalkItem* loop = &outer;
    Slots slots{outer.range.slot};
    nest.loops.push_back(&outer.range);
    if (outer.children.size() == 1 && outer.children[0].loop) {
        loop = &outer.children[0];
        if (depends_on_any(loop->range.lower, slots) || depends_on_any(loop->range.upper, slots))
            return std::nullopt;
        slots.push_back(loop->range.slot);
        nest.loops.push_back(&loop->range);
    }
    for (const plan::WalkItem& child : loop->children) {
        std::vector<const plan::WalkItem*> path;
        if (child.loop || !follow(part.right[child.statement], path, slots, nest.followers))
            return std::nullopt;
    }
    return nest;
}

} // namespace tpc::execute
