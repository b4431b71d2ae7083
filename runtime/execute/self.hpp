// The self part of a plan: everything that a pair needs of each sample alone.
#pragma once

#include "runtime/execute/pair.hpp"

namespace tpc::execute {

// Throws MethodError. `duals` and `joints` are shared by all threads. Samples run in chunks of 64 from the first one on.
template <class Real>
State<Real> run_self(const plan::SelfPlan& plan, const SampleSet& data, DualCache<Real>& duals, JointCache& joints,
                     Ledger* ledger = nullptr, Meter* meter = nullptr);

// Numbers that the state keeps of each sample.
std::size_t self_numbers(const plan::SelfPlan& plan);

} // namespace tpc::execute
