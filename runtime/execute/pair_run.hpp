// Runs a plan pair by pair: what tiles cannot do, which is D backward and expectations over several Gaussians.
#pragma once

#include "runtime/execute/prepared.hpp"
#include "runtime/pairs/pair.hpp"
#include "runtime/samples/results.hpp"
#include "runtime/samples/window.hpp"

namespace tpc::execute {

// What all pairs of two states share.
template <class Real> struct PairProgram {
    const plan::Plan& plan;
    const State<Real>&left, &right;
    const Prepared<Real>& prepared;
    DualCache<Real>& duals;
    JointCache& joints;
};

template <class Real>
void run_pairs(const PairProgram<Real>& program, const Window& window, const EqualSamples& equal, const Options& options,
               Results& results);

} // namespace tpc::execute
