// The limit by the plainest recursion: the program unrolled at its sizes, every expectation asked for by name, none of the
// analysis of index families, demand, sums and planes that the compiler lives on. Dual kernels are those of
// runtime/gaussian.
#pragma once

#include "runtime/finite/kernels.hpp"

#include <stdexcept>

namespace tpc::tests {

// A function of several Gaussians that depend on each other, or an output that is none of the simple check's.
struct OutOfReach : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// `right` null: the kernel of `left` with itself. Throws OutOfReach.
finite::Kernels reference_limit(const ir::Program& program, const finite::SampleSet& left, const finite::SampleSet* right);

} // namespace tpc::tests
