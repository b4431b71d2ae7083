#include "compiler/rewrite/fissile.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>
#include <optional>

namespace tpc::plan {
namespace {

bool wraps(ir::IndexMode mode) {
    return mode == ir::IndexMode::wrap || mode == ir::IndexMode::clamp;
}

// Surely another element than the target of any iteration of the loops over `slots`.
bool elsewhere(const Place& read, const std::vector<Linear>& target, const std::vector<std::uint32_t>& slots = {}) {
    const auto moves = [&](const Linear& index) {
        return std::any_of(slots.begin(), slots.end(), [&](std::uint32_t slot) { return coefficient(index, slot) != 0; });
    };
    if (wraps(read.mode))
        return false;
    for (std::size_t d = 0; d < target.size(); ++d)
        if (const auto apart = constant_difference(read.indices[d], target[d]); apart && *apart != 0 && !moves(target[d]))
            return true;
    return false;
}
bool same_place(const Place& read, const std::vector<Linear>& target) {
    for (std::size_t d = 0; d < target.size(); ++d)
        if (constant_difference(read.indices[d], target[d]) != 0)
            return false;
    return !wraps(read.mode);
}

bool fissile(const Part& part, const WalkItem& loop) {
    struct Written {
        std::uint32_t op = 0;
        std::size_t child = 0;
    };
    std::vector<Written> written;
    for (std::size_t child = 0; child < loop.children.size(); ++child) {
        if (loop.children[child].loop)
            return false;
        for (const std::uint32_t k : loop.children[child].ops)
            written.push_back({k, child});
    }
    for (std::size_t child = 0; child < loop.children.size(); ++child)
        for (const std::uint32_t k : loop.children[child].ops) {
            const PairOp& op = part.ops[k];
            if (std::any_of(op.groups.begin(), op.groups.end(), [](const GroupOp& group) { return group.joint; }))
                return false;
            for (const EntryRead* read : reads_of(op))
                for (const Written& write : written) {
                    const PairOp& writer = part.ops[write.op];
                    if (writer.array != read->array || elsewhere(read->left, writer.left_target))
                        continue;
                    const bool before = write.child < child && same_place(read->right, writer.right_target);
                    if (!before)
                        return false;
                }
        }
    return true;
}

bool left_fissile(const Part& part, const WalkItem& nest) {
    std::vector<std::vector<std::uint32_t>> ops; // by child
    std::vector<std::uint32_t> slots{nest.range.slot};
    const WalkItem* loop = &nest;
    while (loop->children.size() == 1 && loop->children[0].loop) {
        loop = &loop->children[0];
        slots.push_back(loop->range.slot);
    }
    for (const WalkItem& child : loop->children) {
        if (child.loop)
            return false;
        ops.push_back(operations(part.right[child.statement]));
    }
    for (std::size_t child = 0; child < ops.size(); ++child)
        for (const std::uint32_t k : ops[child]) {
            const PairOp& op = part.ops[k];
            if (op.output)
                return false;
            for (const EntryRead* read : reads_of(op))
                for (std::size_t earlier = 0; earlier < ops.size(); ++earlier)
                    for (const std::uint32_t w : ops[earlier]) {
                        const PairOp& writer = part.ops[w];
                        if (writer.array != read->array || elsewhere(read->left, writer.left_target, slots))
                            continue;
                        // one iteration writes all right instances of it before it reads any
                        if (earlier >= child || !same_place(read->left, writer.left_target))
                            return false;
                    }
        }
    return true;
}

void mark(const Part& part, std::vector<WalkItem>& items, bool left) {
    for (WalkItem& item : items) {
        if (!item.loop)
            continue;
        item.fissile = !item.apart && (left ? left_fissile(part, item) : fissile(part, item));
        mark(part, item.children, left);
    }
}

} // namespace

void mark_fissile(Part& part) {
    mark(part, part.left, true);
    for (std::vector<WalkItem>& items : part.right)
        mark(part, items, false);
}

} // namespace tpc::plan
