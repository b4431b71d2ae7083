// What a pair of samples costs: what the plan counts, how long the arithmetic alone would take, and how long it takes.
#pragma once

#include "runtime/execute/evaluate.hpp"

namespace tpc::execute {

struct Rate {
    std::uint64_t operations = 0; // of the plan, for a pair
    std::uint64_t products = 0;   // that its linear operations add up
    std::uint64_t nested = 0;     // products before sums over pairs were factored; 0: none is
    std::size_t bytes = 0;        // of the entries that are stored
    double arithmetic = 0;        // floating-point operations of all that, about
    double peak = 0;              // of one core a second, measured
    double estimated = 0;         // seconds: arithmetic / peak, and methods without a row operation as the ledger timed them
    double measured = 0;          // seconds, one core
    std::size_t pairs = 0;        // that were timed; 0: nothing could be
};

// Of a plan without sampled expectations, once `ledger` holds its pair expectations. Times up to 4,096 pairs of the samples.
Rate rate(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options,
          const Ledger& ledger);

std::string print(const Rate& rate);

} // namespace tpc::execute
