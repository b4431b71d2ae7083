// Polynomials in place of functions of a bounded ratio t, |t| <= range, by powers of t.
#pragma once

#include "runtime/gaussian/univariate.hpp"

#include <Eigen/Core>
#include <llvm/ADT/STLExtras.h>

#include <optional>
#include <vector>

namespace tpc::joint {

// Of a smooth function: the Chebyshev interpolant of the least degree that leaves out less than `tolerance` of a typical
// value, and of the slope. Powers cancel; nothing where their rounding would be seen.
std::optional<std::vector<double>> interpolate(const gaussian::Tape& f, double range, double tolerance);

// Of any function: its projection for the weight (1 - (t / range)^2)^((dimension - 3) / 2), which is the density of a
// coordinate of a uniform point on a sphere in so many dimensions. It does not come near a kink, but expectations under
// densities that are smooth relative to the weight converge as these densities do.
struct Projection {
    std::vector<double> powers;
    double square = 0;    // of the function, its mean under the weight
    double magnitude = 0; // sum of what cancels in powers
};
using Values = llvm::function_ref<void(std::size_t count, const double* t, double* values)>;
// `kinks` within the range. Nothing where values are infinite.
std::optional<Projection> project(Values f, const std::vector<double>& kinks, double range, double dimension,
                                  std::size_t degree);

} // namespace tpc::joint
