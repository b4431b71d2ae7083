// How a plan's expectations are computed and what they cost, found by evaluating a few samples.
#pragma once

#include "runtime/execute/evaluate.hpp"
#include "runtime/execute/rate.hpp"
#include "runtime/samples/ledger.hpp"

namespace tpc::execute {

struct Explanation {
    Ledger ledger;
    std::string names;                               // what those of the ledger stand for that the program does not have
    std::size_t left_samples = 0, right_samples = 0; // of the whole run
    bool symmetric = false;
    double tolerance = 0;
    Rate rate;                            // of the whole, where nothing is sampled
    double nngp_error = 0, ntk_error = 0; // of the kernels of the few samples, estimated
    std::optional<Error> error;           // why the tolerance cannot be met
};

// Expectations are those of a few samples, those of the least and the greatest norm among them; the costs are theirs. The
// rate is measured on more.
Explanation explain(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options);

std::string print(const Explanation& explanation);

} // namespace tpc::execute
