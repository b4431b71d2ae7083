// Right loops whose index an equality decides.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// Sets WalkItem::solutions of a right walk: for each loop and each operation below it, the values that the operation's
// guards leave for the index, from what is known by then: the left instance, offsets (slots from `symbols` on) and the outer
// right loops. Primed symbols start at `left_symbols`.
void solve(std::vector<WalkItem>& items, const std::vector<PairOp>& ops, std::uint32_t left_symbols, std::uint32_t symbols);

} // namespace tpc::plan
