// Which covariances outputs come from, and which only laws of Gaussians do.
#pragma once

#include "runtime/expectations/joint.hpp"
#include "runtime/samples/duals.hpp"

namespace tpc::execute {

// Of all entries of a plan. Demand is for hulls of instances: what nothing comes from is computed for nothing. `tangents`:
// with T.
void find_uses(const plan::Plan& plan, Joints& joints, DualCache<double>& duals, bool tangents);

} // namespace tpc::execute
