// The loops of a part: those of the program, pruned to what has work.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// Sets part.left and part.right from part.ops. `left` and `right` are the sizes; the self part of a sample (`self`) visits
// all statements, and outputs with coefficients, as well.
void add_walks(Part& part, const limit::Recursions& recursions, const SelfPlan& left, const SelfPlan& right, bool self);

} // namespace tpc::plan
