// Hermite coefficients against the variance, tabulated: each octave of variances has a Chebyshev interpolant of its own, so
// that the numbers of a sample do not depend on which other samples there are.
#pragma once

#include "runtime/gaussian/hermite.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace tpc::gaussian {

class CoefficientTable {
  public:
    // `exact`: the coefficients of a centred Gaussian of that variance.
    explicit CoefficientTable(std::function<HermiteCoefficients(double)> exact) : exact_(std::move(exact)) {}
    // To 3e-14 of the norms; where the interpolant of an octave does not get there, the exact ones. variance > 0. Any thread
    // may ask.
    [[nodiscard]] HermiteCoefficients operator()(double variance) const;

  private:
    struct Octave {
        Eigen::MatrixXd values, slopes; // Chebyshev coefficients by column
        Eigen::VectorXd norms[2];
        [[nodiscard]] HermiteCoefficients at(double x) const;
    };
    std::function<HermiteCoefficients(double)> exact_;
    mutable std::mutex mutex_;
    mutable std::map<int, std::shared_ptr<const Octave>> octaves_; // null: not resolved

    [[nodiscard]] std::shared_ptr<const Octave> octave(int exponent) const;
    [[nodiscard]] std::shared_ptr<const Octave> interpolant(int exponent, Eigen::Index nodes) const;
};

} // namespace tpc::gaussian
