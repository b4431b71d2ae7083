#include "compiler/plan/items.hpp"

#include <algorithm>

namespace tpc::plan {
namespace {

void add(const WalkItem& item, std::vector<std::uint32_t>& ops) {
    ops.insert(ops.end(), item.ops.begin(), item.ops.end());
    for (const WalkItem& child : item.children)
        add(child, ops);
}

void add(const WalkItem& item, std::vector<std::size_t>& statements) {
    if (!item.loop)
        statements.push_back(item.statement);
    for (const WalkItem& child : item.children)
        add(child, statements);
}

template <class Leaf> bool find(const std::vector<WalkItem>& items, const Leaf& wanted, std::vector<const WalkItem*>& path) {
    for (const WalkItem& item : items) {
        if (!item.loop) {
            if (wanted(item))
                return true;
            continue;
        }
        path.push_back(&item);
        if (find(item.children, wanted, path))
            return true;
        path.pop_back();
    }
    return false;
}

} // namespace

std::vector<std::uint32_t> operations(const WalkItem& item) {
    std::vector<std::uint32_t> ops;
    add(item, ops);
    return ops;
}

std::vector<std::uint32_t> operations(const std::vector<WalkItem>& items) {
    std::vector<std::uint32_t> ops;
    for (const WalkItem& item : items)
        add(item, ops);
    return ops;
}

std::vector<std::uint32_t> operations(const Part& part, const WalkItem& left) {
    std::vector<std::uint32_t> ops;
    for (const std::size_t statement : statements(left))
        for (const WalkItem& item : part.right[statement])
            add(item, ops);
    return ops;
}

std::vector<std::size_t> statements(const WalkItem& item) {
    std::vector<std::size_t> result;
    add(item, result);
    return result;
}

std::optional<std::vector<const WalkItem*>> loops_around(const std::vector<WalkItem>& items, std::uint32_t op) {
    std::vector<const WalkItem*> path;
    const auto holds = [&](const WalkItem& leaf) { return std::ranges::find(leaf.ops, op) != leaf.ops.end(); };
    return find(items, holds, path) ? std::optional(std::move(path)) : std::nullopt;
}

std::optional<std::vector<const WalkItem*>> loops_around_statement(const std::vector<WalkItem>& items,
                                                                   std::size_t statement) {
    std::vector<const WalkItem*> path;
    const auto is = [&](const WalkItem& leaf) { return leaf.statement == statement; };
    return find(items, is, path) ? std::optional(std::move(path)) : std::nullopt;
}

WalkItem nest(const std::vector<LoopRange>& ranges, WalkItem leaf) {
    for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
        WalkItem loop;
        loop.loop = true;
        loop.range = *range;
        loop.position = leaf.position;
        leaf.position = 0;
        loop.children.push_back(std::move(leaf));
        leaf = std::move(loop);
    }
    return leaf;
}

bool insert_statement(std::vector<WalkItem>& items, std::size_t before, std::size_t added) {
    for (auto item = items.begin(); item != items.end(); ++item) {
        if (item->loop) {
            if (insert_statement(item->children, before, added))
                return true;
            continue;
        }
        if (item->statement != before)
            continue;
        WalkItem leaf;
        leaf.statement = added;
        leaf.position = item->position;
        items.insert(item, std::move(leaf));
        return true;
    }
    return false;
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

bool involves(const ir::ExprTable& exprs, ir::ExprId e, std::uint32_t slot) {
    const ir::Node& node = exprs[e];
    return node.op == ir::Op::reduce || // bounds and all: taken as it may be
           std::any_of(node.affine.terms.begin(), node.affine.terms.end(),
                       [&](const auto& term) { return static_cast<std::uint32_t>(term.first) == slot; }) ||
           std::any_of(node.children.begin(), node.children.end(),
                       [&](ir::ExprId child) { return involves(exprs, child, slot); });
}

} // namespace tpc::plan
