// The kernels of samples that nearly coincide, where their angles would be lost (near.hpp).
#pragma once

#include "runtime/execute/blocks.hpp"
#include "runtime/execute/near.hpp"

namespace tpc::execute {

// A block of a kernel and what it was computed from. `laws`: of all samples, so that methods are the same for all blocks.
struct Refined {
    const plan::Plan& plan;
    const SampleSet& left;
    const SampleSet* right; // null: the left one
    const Options& options;
    const Laws& laws;
    Duals<double>& duals;
    const Span &rows, &columns;
    std::vector<Kernel>& kernels;
    [[nodiscard]] bool symmetric() const { return right == nullptr && rows == columns; }
};

// Of single precision: computed once more in double precision.
void refine_in_double(const Refined& block, const NearSamples& near);

// The tangent kernels of double precision: extrapolated from samples farther away on the line through both, where K is
// analytic on one side.
void refine_along_lines(const Refined& block, const NearSamples& near);

} // namespace tpc::execute
