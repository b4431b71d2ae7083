// The methods behind make_dual (dual.hpp). Each returns null when it does not apply.
#pragma once

#include "runtime/gaussian/univariate.hpp"

namespace tpc::gaussian {

struct Sides {
    std::shared_ptr<const Univariate> phi, psi;
    bool same = false; // phi == psi
};

// Of 1, z, |z|, sign z, when the function is a sum of these.
std::optional<std::array<double, 4>> piecewise_coefficients(const Univariate& phi);

// Those on both sides, zero means: loops over lanes.
template <class Real>
std::unique_ptr<Dual<Real>> make_piecewise(const Sides& sides, const Regime& regime, const DualOptions& options);

// One function p0 + p3 erf(z / sqrt(2 blur)) or p0 + p3 sign z on both sides, zero means: the next methods, and the numbers
// that row operations want of each sample.
template <class Real>
std::unique_ptr<Dual<Real>> make_arcsine(const Sides& sides, const Regime& regime, const DualOptions& options);

// Sums of groups (terms.hpp), any means. The reason stays as it is when there is no closed form at all.
template <class Real>
std::unique_ptr<Dual<Real>> make_closed(const Sides& sides, const Regime& regime, const DualOptions& options,
                                        std::string* reason);

// Mehler's series; one side at least smooth.
class SeriesTrials; // trials.hpp
template <class Real>
std::unique_ptr<Dual<Real>> make_hermite(const Sides& sides, SeriesTrials& trials, const DualOptions& options,
                                         std::string* reason);

// The same where it is as good as a closed form, and cheaper: one smooth function on both sides, zero means, few terms.
template <class Real> std::unique_ptr<Dual<Real>> make_short_series(const Sides& sides, SeriesTrials& trials);

// Panels split at kinks: any two functions with second moments.
template <class Real>
std::unique_ptr<Dual<Real>> make_quadrature(const Sides& sides, const Regime& regime, const DualOptions& options,
                                            std::string* reason);

// One pair in double precision, second moments as in DualResult.
struct PairResult {
    double value = 0, minus = 0, plus = 0, slope = 0;
};

// A or B is zero: phi or psi is a constant. Needs closed forms.
PairResult degenerate_pair(const Sides& sides, double A, double B, double mean_a, double mean_b);

// E[phi] in closed form; `size` grows by the absolute values of all that is added up.
double first_moment(const Univariate& phi, double mean, double variance, double& size);

// E[phi], E[phi^2], E[phi'], E[phi'^2] of one Gaussian.
struct SampleMoments {
    double value = 0, square = 0, slope = 0, slope_square = 0;
};

// One pair by quadrature, relative to the norms however small they are. Throws std::domain_error where that fails.
class Careful {
  public:
    Careful(const Sides& sides, const Regime& regime, const DualOptions& options);
    [[nodiscard]] SampleMoments moments(int side, double mean, double variance) const;
    // The moments are those of each side; the slope is left out unless `slopes`.
    PairResult operator()(double A, double B, double mean_a, double mean_b, double minus, double plus,
                          const SampleMoments& a, const SampleMoments& b, bool slopes) const;

  private:
    struct Functions;
    std::shared_ptr<const Functions> functions_;
    bool same_;
    double tolerance_;
};

// What the caller of evaluate wants written.
template <class Real> void store(const DualResult<Real>& result, std::size_t i, const PairResult& pair) {
    if (result.value)
        result.value[i] = static_cast<Real>(pair.value);
    if (result.minus)
        result.minus[i] = static_cast<Real>(pair.minus);
    if (result.plus)
        result.plus[i] = static_cast<Real>(pair.plus);
    if (result.slope)
        result.slope[i] = static_cast<Real>(pair.slope);
}

} // namespace tpc::gaussian
