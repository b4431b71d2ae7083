#include "compiler/plan/fissile.hpp"

#include <algorithm>
#include <optional>

namespace tpc::plan {
namespace {

// a - b where it does not depend on the instance.
std::optional<std::int64_t> difference(const Linear& a, const Linear& b) {
    if (a.denominator != 1 || b.denominator != 1)
        return std::nullopt;
    std::vector<std::pair<std::uint32_t, std::int64_t>> terms = a.terms;
    for (const auto& [slot, coefficient] : b.terms)
        terms.emplace_back(slot, -coefficient);
    std::sort(terms.begin(), terms.end());
    for (std::size_t k = 0; k < terms.size();) {
        std::int64_t sum = 0;
        const std::uint32_t slot = terms[k].first;
        for (; k < terms.size() && terms[k].first == slot; ++k)
            sum += terms[k].second;
        if (sum != 0)
            return std::nullopt;
    }
    return a.constant - b.constant;
}

bool wraps(ir::IndexMode mode) {
    return mode == ir::IndexMode::wrap || mode == ir::IndexMode::clamp;
}

bool involves(const Linear& linear, std::uint32_t slot) {
    return std::any_of(linear.terms.begin(), linear.terms.end(), [&](const auto& term) { return term.first == slot; });
}

constexpr std::uint32_t no_slot = ~std::uint32_t{0};

// Surely another element than the target of any iteration of `slot`.
bool elsewhere(const Place& read, const std::vector<Linear>& target, std::uint32_t slot = no_slot) {
    if (wraps(read.mode))
        return false;
    for (std::size_t d = 0; d < target.size(); ++d)
        if (const auto apart = difference(read.indices[d], target[d]); apart && *apart != 0 && !involves(target[d], slot))
            return true;
    return false;
}
bool same_place(const Place& read, const std::vector<Linear>& target) {
    for (std::size_t d = 0; d < target.size(); ++d)
        if (difference(read.indices[d], target[d]) != 0)
            return false;
    return !wraps(read.mode);
}

std::vector<const EntryRead*> reads_of(const PairOp& op) {
    std::vector<const EntryRead*> reads;
    if (op.rule == limit::Rule::dual)
        reads.push_back(&op.entry);
    for (const TermOp& term : op.terms)
        if (term.kind == limit::PairTerm::Kind::matmul || term.kind == limit::PairTerm::Kind::read)
            reads.push_back(&term.entry);
    for (const GroupOp& group : op.groups)
        if (group.cross)
            reads.push_back(&group.entry);
    return reads;
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

void operations(const std::vector<WalkItem>& items, std::vector<std::uint32_t>& ops) {
    for (const WalkItem& item : items) {
        ops.insert(ops.end(), item.ops.begin(), item.ops.end());
        operations(item.children, ops);
    }
}

bool left_fissile(const Part& part, const WalkItem& loop) {
    std::vector<std::vector<std::uint32_t>> ops; // by child
    for (const WalkItem& child : loop.children) {
        if (child.loop)
            return false;
        operations(part.right[child.statement], ops.emplace_back());
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
                        if (writer.array != read->array || elsewhere(read->left, writer.left_target, loop.range.slot))
                            continue;
                        const bool before = earlier < child && same_place(read->left, writer.left_target) &&
                                            same_place(read->right, writer.right_target);
                        if (!before)
                            return false;
                    }
        }
    return true;
}

void mark(const Part& part, std::vector<WalkItem>& items, bool left) {
    for (WalkItem& item : items) {
        if (!item.loop)
            continue;
        item.fissile = left ? left_fissile(part, item) : fissile(part, item);
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
