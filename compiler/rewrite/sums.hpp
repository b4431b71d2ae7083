// Factored sums: what attention, pooling and the neighbours in a graph leave of a covariance is
//   C(y[i], y_[j]) = sum over k, l: a[i,k] b_[j,l] C(x[k], x_[l]),
// a product of three matrices. The sums over k are hoisted into an array of their own,
//   S[i,l] = sum over k: a[i,k] C(x[k], x_[l]),   C(y[i], y_[j]) = sum over l: b_[j,l] S[i,l],
// which costs T^3 where the nested sums cost T^4. T likewise.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// A part with such sums factored where counts say that it pays; nothing where it nowhere does. Terms of one operation with
// the same sum on the right share S. The first operations and arrays are those of `part`, under the same numbers.
std::optional<Part> factor_sums(const Part& part, const SelfPlan& left, const SelfPlan& right,
                                const limit::Recursions& recursions);

} // namespace tpc::plan
