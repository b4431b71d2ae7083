// Runs a plan on data: the NNGP and tangent kernels of two sample sets.
#pragma once

#include "compiler/plan/plan.hpp"
#include "runtime/samples/request.hpp"
#include "runtime/samples/window.hpp"

#include <memory>

namespace tpc::execute {

// The kernels of two sample sets (`right` null: of `left` with itself), in blocks of rows and columns. An entry has the same
// bits in every block, and with any number of threads.
class Evaluation {
  public:
    // All are kept by reference. The plan must have been built with tangents when options.ntk.
    Evaluation(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options);
    ~Evaluation();

    // Expectations over several Gaussians are estimated by randomised quasi-Monte Carlo: the whole evaluation is repeated
    // with independent randomisations, whose spread gives the error of the kernel itself, and with more points until that
    // meets the tolerance. Blocks are then estimated one by one, and their bits depend on what they are.
    [[nodiscard]] bool sampled() const;
    // Bytes that the smallest blocks need at least: what is kept of two panels of samples, and what threads work in.
    [[nodiscard]] std::size_t least_memory() const;
    // What all blocks share; done by the first block otherwise. Nothing, or an error as in Outcome.
    std::optional<Error> prepare();
    // After `prepare`: rows and columns of one block lie in one panel of so many samples each, a power of two. Panels that
    // do not hold all samples are prepared again for every pair of panels.
    [[nodiscard]] std::size_t panel() const;
    // Kernels of shape (rows, indices..., columns, indices...). Without a right set rows and columns are the same samples,
    // of whose pairs half are computed, or all rows come before all columns.
    Outcome block(const Span& rows, const Span& columns);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// The whole kernel.
Outcome evaluate(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options);

} // namespace tpc::execute
