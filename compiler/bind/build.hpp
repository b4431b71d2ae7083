// From recursions to a plan: sizes in the place of axes, every pair of elements an entry of an array.
#pragma once

#include "compiler/plan/plan.hpp"
#include "compiler/source/diagnostic.hpp"

namespace tpc::plan {

// `left`, `right`: a size for every axis. Reports what cannot be planned and returns nothing then.
std::optional<Plan> build(const network::Network& network, const ir::Sizes& left, const ir::Sizes& right, bool tangent,
                          source::Diagnostics& diagnostics);

} // namespace tpc::plan
