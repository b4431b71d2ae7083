// What is known of the entries of a part's arrays before any sample is read.
#pragma once

#include "runtime/tiles/program.hpp"

namespace tpc::execute {

// Arrays whose entries cannot be negative: squares of functions that are not, and sums of those with positive weights.
template <class Real>
std::vector<bool> never_negative(const plan::Part& part, const std::vector<TileDual<Real>>& duals,
                                 const std::vector<SumFactors>& factors);

// Arrays of which nobody reads more than C: dual kernels want gaps, and sums that give gaps in which nothing cancels.
std::vector<bool> only_values(const plan::Part& part);

// Arrays whose T is not 0: what depends on parameters.
std::vector<bool> moving(const plan::Part& part);

} // namespace tpc::execute
