// Communication-free partition (limits.md section 7): with uniform dependences each offset of a stride-1 convolution or of a
// recurrence is a problem of its own.
//
// Where all reads among some arrays keep differences such as i_ - i, the loops that write these arrays run inside a loop
// over those differences, and an iteration stores one plane of each array: the right indices follow from the left ones. What
// sums over a whole array afterwards is accumulated plane by plane; an array that others read in another way is stored
// whole.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// The cross part cut into planes; nothing where no array can be. The first operations are those of `plan.whole()`.
std::optional<Part> partition(const Plan& plan);

} // namespace tpc::plan
