// Samples that nearly coincide.
#pragma once

#include "runtime/execute/evaluate.hpp"
#include "runtime/samples/window.hpp"

#include <utility>
#include <vector>

namespace tpc::execute {

// Whether a plan has gaps that come from A, B and C (`Equation::gap_linear` does not hold), and kinks: where the angle of
// two samples is small, a rounding error e of C is one of e / angle behind a kink.
bool loses_angles(const plan::Plan& plan);

// Whether there are functions that may take samples apart, all but p1 z + p2 |z|: what single precision makes of a small
// angle then grows from layer to layer (chaotic networks).
bool takes_apart(const plan::Plan& plan);

// Values of an input for one sample, and how many.
struct Vector {
    const double* data = nullptr;
    std::size_t size = 0;
};
Vector vector_of(const SampleSet& set, std::size_t input, std::size_t sample);

using SamplePair = std::pair<std::size_t, std::size_t>; // left, right

// Pairs of samples that are multiples of one another, input by input, up to a distance relative to their lengths. Equal
// samples are not among them: they lose nothing.
class NearSamples {
  public:
    NearSamples(const SampleSet& left, const SampleSet& right, double distance);
    // With `later`, pairs (i, j > i) only.
    [[nodiscard]] std::vector<SamplePair> operator()(const Span& rows, const Span& columns, bool later) const;

  private:
    const SampleSet& left_;
    const SampleSet& right_;
    double distance_;
    std::vector<std::size_t> strides_;                              // by input
    std::vector<std::vector<double>> left_inverse_, right_inverse_; // by input, sample: 1 / length, 0 for zero
};

} // namespace tpc::execute
