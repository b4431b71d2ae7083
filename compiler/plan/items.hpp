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

// The entries of pairs that an operation reads.
std::vector<const EntryRead*> reads_of(const PairOp& op);

// Whether the value of an expression may change with an index.
bool involves(const ir::ExprTable& exprs, ir::ExprId e, std::uint32_t slot);

} // namespace tpc::plan
