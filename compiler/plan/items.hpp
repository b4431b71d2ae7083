// What stands below the loops of a plan, and what operations read.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// Of a right walk, in the order of WalkItem::solutions.
std::vector<std::uint32_t> operations(const WalkItem& item);
std::vector<std::uint32_t> operations(const std::vector<WalkItem>& items);
// Of the right walks of all statements below an item of the left walk.
std::vector<std::uint32_t> operations(const Part& part, const WalkItem& left);
// Of the left walk.
std::vector<std::size_t> statements(const WalkItem& item);

// The loops of a right walk around an operation, from without; nothing where it is not there.
std::optional<std::vector<const WalkItem*>> loops_around(const std::vector<WalkItem>& items, std::uint32_t op);
// Of a left walk around a statement.
std::optional<std::vector<const WalkItem*>> loops_around_statement(const std::vector<WalkItem>& items,
                                                                   std::size_t statement);

// An item inside of further loops, outermost first.
WalkItem nest(const std::vector<LoopRange>& ranges, WalkItem leaf);
// Puts a statement right before another one of a left walk; false where that is not there.
bool insert_statement(std::vector<WalkItem>& items, std::size_t before, std::size_t added);

// The entries of pairs that an operation reads.
std::vector<const EntryRead*> reads_of(const PairOp& op);

// Whether the value of an expression may change with an index.
bool involves(const ir::ExprTable& exprs, ir::ExprId e, std::uint32_t slot);

} // namespace tpc::plan
