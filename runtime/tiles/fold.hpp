// How many layers of an array are alive at once.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::execute {

// A dimension of an array that its rows are stored modulo `period` of; period 0: none.
struct Fold {
    std::size_t dimension = 0; // among the kept ones
    std::int64_t period = 0;
};

// By array of the cross part. The outermost left loops are run through one iteration at a time: within an iteration all
// entries read and written must lie apart, and what is read must be the last that was written there.
std::vector<Fold> folds_of(const plan::Plan& plan, const plan::Part& part);

} // namespace tpc::execute
