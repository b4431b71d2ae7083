// Hermite coefficients against the variance, tabulated: each octave of variances has a Chebyshev interpolant of its own, so
// that the numbers of a sample do not depend on which other samples there are.
#pragma once

#include "runtime/gaussian/chebyshev.hpp"
#include "runtime/gaussian/hermite.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace tpc::gaussian {

class CoefficientTable {
  public:
    // `exact`: the coefficients of a centred Gaussian of that variance, so many terms.
    CoefficientTable(std::size_t terms, std::function<HermiteCoefficients(double)> exact)
        : terms_(terms), exact_(std::move(exact)) {}
    // To 3e-14 of the norms; where the interpolant of an octave does not get there, the exact ones. variance > 0. Any thread
    // may ask.
    [[nodiscard]] HermiteCoefficients operator()(double variance) const;
    // Of several samples, those of one octave side by side: `visit`(which of them, at most `side_by_side`, and their values,
    // slopes and norms of both, number by number). The numbers of each are the same as alone.
    using Visit = std::function<void(const std::vector<std::size_t>& samples, const Abreast* numbers)>;
    void each(const std::vector<double>& variances, const Visit& visit) const;

  private:
    struct Octave;
    std::size_t terms_;
    std::function<HermiteCoefficients(double)> exact_;
    mutable std::mutex mutex_;
    mutable std::map<int, std::shared_ptr<const Octave>> octaves_; // null: not resolved

    [[nodiscard]] std::shared_ptr<const Octave> octave(int exponent) const;
    [[nodiscard]] std::shared_ptr<const Octave> interpolant(int exponent, Eigen::Index nodes) const;
};

} // namespace tpc::gaussian
