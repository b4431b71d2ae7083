// Where the kernels of pairs of samples go.
#pragma once

#include "compiler/plan/address.hpp"
#include "runtime/samples/request.hpp"
#include "runtime/samples/window.hpp"

namespace tpc::execute {

// The kernels of `left` with `right`, or of `left` with itself (`symmetric`): then only pairs (i, j >= i) are written, and
// `mirror` does the rest. `single`: entries are in single precision.
class Results {
  public:
    Results(const plan::Plan& plan, std::size_t left_samples, std::size_t right_samples, bool symmetric,
            const Options& options, bool single);

    [[nodiscard]] bool symmetric() const { return symmetric_; }
    // One row: left sample i, right samples [first, first + count), at the instance of an output operation.
    template <class Real>
    void put(const plan::PairOp& op, const std::int64_t* slots, bool ntk, std::size_t i, std::size_t first,
             std::size_t count, const Real* values);
    // The entries (j, i) of pairs (i, j > i) of left samples `rows` with right samples `columns`, which are written: best
    // while these are in a cache.
    void mirror(const Span& rows, const Span& columns);
    void mirror(); // all of them
    std::vector<Kernel> take() { return std::move(kernels_); }

  private:
    const plan::Plan& plan_;
    std::size_t left_samples_, right_samples_;
    bool symmetric_;
    std::vector<Kernel> kernels_;
};

// Which samples hold the same numbers.
class EqualSamples {
  public:
    EqualSamples(const plan::Plan& plan, const SampleSet& left, const SampleSet& right);
    // Those of [first, first + count) that equal left sample i, counted from `first`.
    [[nodiscard]] std::vector<std::size_t> operator()(std::size_t i, std::size_t first, std::size_t count) const;

  private:
    const SampleSet& left_;
    const SampleSet& right_;
    std::vector<std::size_t> left_hash_;                       // empty: sets of different sizes
    std::vector<std::pair<std::size_t, std::size_t>> by_hash_; // of right samples, which; in order
};

} // namespace tpc::execute
