// What an evaluation is asked for, and what it answers.
#pragma once

#include "runtime/samples/entries.hpp"
#include "runtime/samples/ledger.hpp"

#include <atomic>
#include <cstdint>
#include <limits>
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

// How far an evaluation is, for who looks on while it runs.
struct Meter {
    std::atomic<std::size_t> samples = 0; // whose self part is done
    std::atomic<std::size_t> pairs = 0;
    std::atomic<std::size_t> runs = 0, points = 0; // over sampled expectations so far; points 0: nothing is sampled
};

struct Options {
    bool nngp = true;
    bool ntk = true;
    bool single = false; // f32 arithmetic
    Via via = Via::T;
    // Relative to a kernel's largest entry. Nothing: 1e-8, and 1e-4 where expectations over several Gaussians are sampled.
    std::optional<double> tolerance;
    int threads = 0;        // 0: all cores
    std::uint32_t seed = 1; // of sampled expectations
    // By output, for a part of a larger kernel: entries elsewhere are as large, and errors are relative to them.
    struct Largest {
        double nngp = 0, ntk = 0;
    };
    std::vector<Largest> elsewhere;
    Ledger* ledger = nullptr; // filled with what was done
    Meter* meter = nullptr;   // kept up to date
    // Bytes for what an evaluation keeps of all samples; beyond them it is computed again, panel by panel.
    std::size_t memory = std::numeric_limits<std::size_t>::max();
    std::size_t least_panel = 1; // a power of two: panels are at least as large
};

// One output: shape (N1, indices..., N2, indices...); a kernel that was not asked for is empty.
struct Kernel {
    std::vector<std::size_t> shape;
    Entries nngp, ntk;
    // Estimates of the largest error of an entry, relative to the largest entry (Options::elsewhere included): 99 % of the
    // time it is smaller. Zero when nothing was sampled.
    double nngp_error = 0, ntk_error = 0;
};

// An expectation that cannot be computed to the tolerance, or that no method could: the limit does not exist.
struct Error {
    std::string text;
    bool no_limit = false;
};

struct Outcome {
    std::vector<Kernel> outputs; // by output
    std::optional<Error> error;
};

} // namespace tpc::execute
