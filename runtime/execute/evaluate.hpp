// Runs a plan on data: the NNGP and tangent kernels of two sample sets.
#pragma once

#include "compiler/plan/plan.hpp"
#include "runtime/execute/ledger.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tpc::execute {

// Values of one input for all samples, C order, shape (samples, axes...).
struct Input {
    std::vector<double> values;
};

// Inputs in the order of ir::Program::inputs.
struct SampleSet {
    std::size_t samples = 0;
    std::vector<Input> inputs;
};

enum class Via {
    T, // forward along the reads of C (limits.md section 7)
    D, // backward over stored C (limits.md section 3)
};

struct Options {
    bool nngp = true;
    bool ntk = true;
    bool single = false; // f32 arithmetic
    Via via = Via::T;
    // Relative to a kernel's largest entry. Nothing: 1e-8, and 1e-4 where expectations over several Gaussians are sampled.
    std::optional<double> tolerance;
    int threads = 0; // 0: all cores
    // By output, for a part of a larger kernel: entries elsewhere are as large, and errors are relative to them.
    struct Largest {
        double nngp = 0, ntk = 0;
    };
    std::vector<Largest> elsewhere;
    Ledger* ledger = nullptr; // filled with what was done
};

// One output: shape (N1, indices..., N2, indices...); a kernel that was not asked for is empty.
struct Kernel {
    std::vector<std::size_t> shape;
    std::vector<double> nngp, ntk;
    // Estimates of the largest error of an entry, relative to the largest entry (Options::elsewhere included): 99 % of the
    // time it is smaller. Zero when nothing was sampled.
    double nngp_error = 0, ntk_error = 0;
};

struct Outcome {
    std::vector<Kernel> outputs;      // by output
    std::optional<std::string> error; // an expectation that cannot be computed to the tolerance
};

// `right` null: the kernel of `left` with itself, of which half is computed. The result does not depend on the number of
// threads. Expectations over several Gaussians are estimated by randomised quasi-Monte Carlo: the whole evaluation is
// repeated with independent randomisations, whose spread gives the error of the kernel itself, and with more points until
// that meets the tolerance. The plan must have been built with tangents when options.ntk.
Outcome evaluate(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options);

} // namespace tpc::execute
