// The self part of a plan: everything that a pair needs of each sample alone.
#pragma once

#include "runtime/pairs/pair.hpp"

namespace tpc::execute {

// Samples of a set of so many that run at once, from the first one on: whatever part of the set is asked for, and whatever
// the number of threads, methods are chosen for the same ones.
std::size_t self_chunk(std::size_t samples);
inline constexpr std::size_t most_of_chunk = 64; // a multiple of all of them

// Throws MethodError. `duals` and `joints` are shared by all threads.
template <class Real>
State<Real> run_self(const plan::SelfPlan& plan, const SampleSet& data, DualCache<Real>& duals, JointCache& joints,
                     std::size_t chunk, Ledger* ledger = nullptr, Meter* meter = nullptr);

// Numbers that the state keeps of each sample.
std::size_t self_numbers(const plan::SelfPlan& plan);

} // namespace tpc::execute
