// What only repeats other entries, C = s C' and T = s T' + r C' of one term, is read where these are: the normalised gaps
// of both are the same, and the repetition is stored nowhere.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::execute {

plan::Part read_through(const plan::Part& part);

} // namespace tpc::execute
