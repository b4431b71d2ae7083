// Arrays and operations of the pairs of elements that the equations name, without the loops around them (walks.hpp).
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// Of one sample with itself if `self`. Appends bound scales and rates to the expressions of the recursions.
void add_pairs(Part& part, limit::Recursions& recursions, const SelfPlan& left, const SelfPlan& right, bool self);

} // namespace tpc::plan
