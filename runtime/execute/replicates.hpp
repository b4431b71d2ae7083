// Kernels from sampled expectations: replicates, their spread, and when to stop.
#pragma once

#include "runtime/execute/evaluate.hpp"
#include "runtime/points/expectation.hpp"

#include <functional>

namespace tpc::execute {

// Whether some expectation of the plan is over several Gaussians at once.
bool needs_sampling(const plan::Plan& plan);

// Whether such expectations enter laws of Gaussians, so that their errors may grow.
bool spreads_errors(const plan::Plan& plan);

// Whether it has functions with kinks, behind which an error of a covariance may become its root.
bool has_kinks(const plan::Plan& plan);

// `once` evaluates one replicate. One is enough where every expectation had a deterministic method after all; else the mean
// of the replicates, with more and more points until the error estimate meets the tolerance; Outcome::error says what can be
// met when that takes too many. No tolerance: 1e-4. `spreads`, `kinks`: of the plan.
Outcome sampled(const std::function<std::vector<Kernel>(const joint::Sampling&)>& once, const Options& options, bool spreads,
                bool kinks);

} // namespace tpc::execute
