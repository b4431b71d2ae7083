// The self part of a plan: everything that a pair needs of each sample alone.
#pragma once

#include "runtime/execute/pair.hpp"

namespace tpc::execute {

// Throws MethodError. `duals` is shared by all threads.
template <class Real>
State<Real> run_self(const plan::SelfPlan& plan, const SampleSet& data, DualCache<Real>& duals,
                     const joint::Sampling& sampling, Ledger* ledger = nullptr);

} // namespace tpc::execute
