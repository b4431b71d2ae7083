// Finite-width networks against the limit: deviations over widths and seeds, and how they fall.
#pragma once

#include "runtime/finite/kernels.hpp"

#include <functional>
#include <limits>

namespace tpc::finite {

// |K_n - K|_F / |K|_F over all outputs together, K the limit (plain |K_n| where K is 0).
struct Deviation {
    double typical = 0; // mean over seeds of the deviation of one network
    double of_mean = 0; // deviation of the mean over seeds
    double noise = 0;   // standard error of that mean, in the same norm (NaN for one seed)
};

struct Row {
    std::size_t width = 0;
    Deviation nngp, ntk;
    double seconds = 0;
};

// The slope of log(deviation) against log(width), by least squares; NaN when fewer than two widths have a deviation.
struct Exponents {
    double typical = std::numeric_limits<double>::quiet_NaN(); // about -1/2
    double of_mean = std::numeric_limits<double>::quiet_NaN();
};

struct Table {
    std::size_t seeds = 0;
    bool has_nngp = false, has_ntk = false;
    std::vector<Row> rows; // by width
    Exponents nngp, ntk;
};

// Seeds are seed, seed + 1, ...; a limit tensor that is empty is not compared. `progress` is called after each network.
struct SimulateOptions {
    std::vector<std::size_t> widths{128, 256, 512, 1024};
    std::size_t seeds = 10;
    std::uint64_t seed = 1;
    std::function<void(std::size_t done, std::size_t total)> progress;
};

// Throws std::invalid_argument when a limit does not have the shape of the network's kernel.
Table simulate(const ir::Program& program, const SampleSet& set, const Kernels& limit, const SimulateOptions& options);

// The kernel of several sets, whose sizes may differ, together: one network reads them all. `limit` by pair_index.
Table simulate(const ir::Program& program, const std::vector<SampleSet>& sets, const std::vector<Kernels>& limit,
               const SimulateOptions& options);

// The same for kernels from elsewhere: `kernels(width, seed)`.
Table simulate(const std::function<Kernels(std::size_t, std::uint64_t)>& kernels, const Kernels& limit,
               const SimulateOptions& options);

std::string print(const Table& table);

} // namespace tpc::finite
