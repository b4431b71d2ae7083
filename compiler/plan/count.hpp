// How often each operation of a plan runs for one pair (or sample).
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

struct Counts {
    std::vector<std::uint64_t> runs;     // by operation
    std::vector<std::uint64_t> products; // by operation: products that its sums add up, in all runs
    std::vector<std::uint64_t> inputs;   // of these, inner products of inputs
    bool gave_up = false;                // too many loops to walk through
};

std::uint64_t total_products(const Counts& counts);

// `slots`: the number of the program's symbols.
Counts count_runs(const Part& part, std::size_t slots);

} // namespace tpc::plan
