// What a plan holds for each sample of one size.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// Extents, boxes, finite vectors and coefficients, from the sizes and recursions of `plan`.
void add_elements(SelfPlan& plan);

// The array of the finite vectors that a term reads.
std::uint32_t finite_array(const SelfPlan& plan, const network::LinearTerm& term);

} // namespace tpc::plan
