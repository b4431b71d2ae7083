// Dual kernels of any two functions that are smooth but for kinks, jumps and singularities.
//
// Away from |rho| = 1, Mehler's series with coefficients by panels that end at the kinks: what it leaves out is below
// |rho|^series_terms times the root of both tails. Else b = mean_b + sqrt(B) (rho z + sqrt(1 - rho^2) y) with a = mean_a +
// sqrt(A) z, and E[(k phi -+ psi / k)^2], E[phi' psi'] are integrated over z and, inside, over y, both split at the kinks.
// With k^4 = E[psi^2] / E[phi^2] the squares are the gaps: near equal samples nothing cancels, nor where one function is
// small.
#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/hermite.hpp"
#include "runtime/gaussian/kinks.hpp"
#include "runtime/gaussian/line.hpp"
#include "runtime/gaussian/methods.hpp"
#include "runtime/gaussian/nested.hpp"

#include <fmt/format.h>

#include <limits>

namespace tpc::gaussian {
namespace {

constexpr std::size_t series_terms = 160;

double quadrature_tolerance(const DualOptions& options) {
    return std::clamp(options.tolerance / 10, 1e-11, 1e-5);
}

// Per sample, in this order: h_k, d_k (k < series_terms), then
enum Feature : std::size_t { mean_value = 2 * series_terms, mean_square, mean_slope, mean_slope_square, feature_count };

KinkedFunction function_of(const std::shared_ptr<const Univariate>& phi, const Regime& regime) {
    const double far = regime.largest_mean + 40 * std::sqrt(regime.largest_variance);
    return {phi, find_kinks(*phi, -far, far)};
}

struct Pair { // of Gaussians, as in `Gaussians`
    double A = 0, B = 0, mean_a = 0, mean_b = 0, minus = 0, plus = 0;
    [[nodiscard]] bool coincides() const { return A == B && mean_a == mean_b && minus == 0; }
    [[nodiscard]] bool positive() const { return minus <= plus; }
    [[nodiscard]] double gap() const { return A == B && (minus == 0 || plus == 0) ? 0 : correlate(A, B, minus, plus).gap; }
    [[nodiscard]] double rho() const { return positive() ? 1 - gap() : gap() - 1; }
};

SampleMoments checked_moments(const KinkedFunction& f, double variance, double mean, double tolerance, LineMoments& line) {
    line = line_moments(*f.phi, f.kinks, variance, mean, tolerance);
    const auto place = [&] { return fmt::format("under a Gaussian of mean {:.3g} and variance {:.3g}", mean, variance); };
    if (!line.converged && std::isinf(line.square))
        throw NoExpectation(fmt::format("a function's second moment {} is infinite", place()));
    if (!line.converged)
        throw std::domain_error(
            fmt::format("a function's second moment {} does not exist or cannot be computed to {:.0e}", place(), tolerance));
    return {line.value, line.square, line.slope, line.slope_square};
}

// Without the series; the slope too where `slopes`.
PairResult directly(const KinkedFunction& phi, const KinkedFunction& psi, bool same, const Pair& pair,
                    const SampleMoments& a, const SampleMoments& b, double tolerance, bool slopes) {
    PairResult result;
    const double norm = root_product(a.square, b.square);
    if (pair.A <= 0 || pair.B <= 0 || norm == 0) {
        result.value = a.value * b.value;
        result.slope = a.slope * b.slope;
        result.minus = std::max(2 * (norm - result.value), 0.0);
        result.plus = std::max(2 * (norm + result.value), 0.0);
        return result;
    }
    if (same && pair.coincides())
        return {a.square, 0, 4 * a.square, a.slope_square};
    const double gap = pair.gap();
    PairLaw law;
    law.mean_a = pair.mean_a;
    law.mean_b = pair.mean_b;
    law.root_a = std::sqrt(pair.A);
    law.root_b = std::sqrt(pair.B);
    law.rho = pair.rho();
    law.apart = std::sqrt(gap * (2 - gap));
    law.scale_a = a.square == b.square ? 1 : std::sqrt(std::sqrt(b.square) / std::sqrt(a.square));
    law.scale_b = 1 / law.scale_a;
    law.extent = std::max(extent_of(*phi.phi, pair.A, pair.mean_a), extent_of(*psi.phi, pair.B, pair.mean_b));
    law.noise = noisy * std::sqrt(norm);
    const auto arguments = [&](double scale, double mean, double deviation, double slope_square) {
        if (std::isfinite(slope_square))
            law.noise += 4e-16 * scale * (std::abs(mean) + law.extent * deviation) * std::sqrt(slope_square);
    };
    arguments(law.scale_a, pair.mean_a, law.root_a, a.slope_square);
    arguments(law.scale_b, pair.mean_b, law.root_b, b.slope_square);
    law.floor = 1e-4 * tolerance * gap * norm + 1e-300;
    law.slopes = slopes;
    law.slope_floor = std::isfinite(b.slope_square) ? 1e-4 * tolerance * std::sqrt(b.slope_square) + 1e-300 : 1e-300;
    const NestedResult outcome = integrate_nested(phi, psi, law, tolerance);
    if (!outcome.converged)
        throw std::domain_error(fmt::format("an expectation of two functions of Gaussians (variances {:.3g} and {:.3g}, "
                                            "correlation {:.6g}) does not exist or cannot be computed to {:.0e}",
                                            pair.A, pair.B, law.rho, tolerance));
    result.minus = outcome.minus;
    result.plus = outcome.plus;
    result.value = (outcome.plus - outcome.minus) / 4;
    result.slope = outcome.slope;
    return result;
}

template <class Real> class Quadrature final : public Dual<Real> {
  public:
    Quadrature(Sides sides, const Regime& regime, double tolerance)
        : left_(function_of(sides.phi, regime)), right_(sides.same ? left_ : function_of(sides.psi, regime)),
          same_(sides.same), regime_(regime), tolerance_(tolerance) {}

    std::size_t features() const override { return feature_count; }
    void prepare(int side, std::size_t count, const Real* variance, const Real* mean, Real* features,
                 std::size_t stride) const override;
    void evaluate(const Gaussians<Real>& gaussians, typename Dual<Real>::Features left, typename Dual<Real>::Features right,
                  const DualResult<Real>& result) const override;
    std::string method() const override {
        return fmt::format("quadrature split at kinks, and a Hermite series of {} terms away from |rho| = 1", series_terms);
    }

  private:
    KinkedFunction left_, right_;
    bool same_;
    Regime regime_;
    double tolerance_;

    struct Known { // features of one lane
        const Real* at = nullptr;
        std::size_t stride = 0;
        double operator[](std::size_t k) const { return static_cast<double>(at[k * stride]); }
    };
    std::optional<PairResult> by_series(const Known& a, const Known& b, double rho) const;
    PairResult one(const Known& a, const Known& b, const Pair& pair, bool slopes) const;
};

template <class Real>
void Quadrature<Real>::prepare(int side, std::size_t count, const Real* variance, const Real* mean, Real* features,
                               std::size_t stride) const {
    const KinkedFunction& f = side == 0 ? left_ : right_;
    for (std::size_t i = 0; i < count; ++i) {
        const double A = std::max(static_cast<double>(variance[i]), 0.0);
        const double m = mean ? static_cast<double>(mean[i]) : 0;
        for (std::size_t k = 0; k < feature_count; ++k)
            features[k * stride + i] = 0;
        LineMoments line;
        const SampleMoments moments = checked_moments(f, A, m, tolerance_, line);
        features[mean_value * stride + i] = static_cast<Real>(moments.value);
        features[mean_square * stride + i] = static_cast<Real>(moments.square);
        features[mean_slope * stride + i] = static_cast<Real>(moments.slope);
        features[mean_slope_square * stride + i] = static_cast<Real>(moments.slope_square);
        if (A == 0)
            continue;
        const HermiteCoefficients c = panel_coefficients(*f.phi, series_terms, A, m, line.edges);
        for (std::size_t k = 0; k < series_terms; ++k) {
            features[k * stride + i] = static_cast<Real>(c.values(static_cast<Eigen::Index>(k)));
            features[(series_terms + k) * stride + i] = static_cast<Real>(c.slopes(static_cast<Eigen::Index>(k)));
        }
    }
}

template <class Real>
std::optional<PairResult> Quadrature<Real>::by_series(const Known& a, const Known& b, double rho) const {
    const double last = std::pow(std::abs(rho), static_cast<double>(series_terms));
    if (last > 1e-3)
        return std::nullopt;
    double power = 1;
    double value = 0, slope = 0;
    double square_a = 0, square_b = 0, slope_a = 0, slope_b = 0;
    for (std::size_t k = 0; k < series_terms; ++k) {
        const double h = a[k], g = b[k], d = a[series_terms + k], e = b[series_terms + k];
        value += h * g * power;
        slope += d * e * power;
        square_a += h * h;
        square_b += g * g;
        slope_a += d * d;
        slope_b += e * e;
        power *= rho;
    }
    constexpr double rounding = sizeof(Real) == 4 ? 1e-6 : 1e-14;
    const auto bound = [&](double norm_a, double norm_b, double sum_a, double sum_b) {
        return last * std::sqrt(std::max(norm_a - sum_a, rounding * norm_a) * std::max(norm_b - sum_b, rounding * norm_b));
    };
    const double allowed = std::max(tolerance_, rounding);
    const double norm = std::sqrt(a[mean_square] * b[mean_square]);
    const double slope_norm = std::sqrt(a[mean_slope_square] * b[mean_slope_square]);
    if (!(bound(a[mean_square], b[mean_square], square_a, square_b) <= allowed * norm) ||
        !(bound(a[mean_slope_square], b[mean_slope_square], slope_a, slope_b) <= allowed * slope_norm))
        return std::nullopt;
    return PairResult{value, std::max(2 * (norm - value), 0.0), std::max(2 * (norm + value), 0.0), slope};
}

template <class Real> PairResult Quadrature<Real>::one(const Known& a, const Known& b, const Pair& pair, bool slopes) const {
    if (pair.A > 0 && pair.B > 0 && !(same_ && pair.coincides()))
        if (const auto series = by_series(a, b, pair.rho()))
            return *series;
    const auto moments = [](const Known& known) {
        return SampleMoments{known[mean_value], known[mean_square], known[mean_slope], known[mean_slope_square]};
    };
    if (slopes && same_ && pair.coincides() && std::isinf(a[mean_slope_square]))
        throw NoExpectation(fmt::format(
            "the second moment of a function's derivative under a Gaussian of variance {:.3g} is infinite", pair.A));
    const PairResult result = directly(left_, right_, same_, pair, moments(a), moments(b), tolerance_, slopes);
    if (slopes && std::isnan(result.slope))
        throw std::domain_error(fmt::format("a second moment of a function's derivative under Gaussians of variances {:.3g} "
                                            "and {:.3g} does not exist or cannot be computed to {:.0e}",
                                            pair.A, pair.B, tolerance_));
    return result;
}

template <class Real>
void Quadrature<Real>::evaluate(const Gaussians<Real>& gaussians, typename Dual<Real>::Features left,
                                typename Dual<Real>::Features right, const DualResult<Real>& result) const {
    constexpr double slack = sizeof(Real) == 4 ? 1e-4 : 1e-6;
    const auto outside = [&](double variance, double mean) {
        return variance > regime_.largest_variance * (1 + slack) || std::abs(mean) > regime_.largest_mean * (1 + slack);
    };
    for (std::size_t i = 0; i < gaussians.count; ++i) {
        const double A = gaussians.variance_a[i], B = gaussians.variance_b[i];
        const double mean_a = gaussians.mean_a.data ? static_cast<double>(gaussians.mean_a[i]) : 0;
        const double mean_b = gaussians.mean_b.data ? static_cast<double>(gaussians.mean_b[i]) : 0;
        if (outside(A, mean_a) || outside(B, mean_b)) { // kinks there are not known
            constexpr double nan = std::numeric_limits<double>::quiet_NaN();
            store(result, i, {nan, nan, nan, nan});
            continue;
        }
        const Known a{left.data.data + i * left.data.stride, left.stride};
        const Known b{right.data.data + i * right.data.stride, right.stride};
        store(result, i,
              one(a, b,
                  {A, B, mean_a, mean_b, std::max<double>(gaussians.minus[i], 0), std::max<double>(gaussians.plus[i], 0)},
                  result.slope != nullptr));
    }
}

} // namespace

struct Careful::Functions {
    KinkedFunction left, right;
};

Careful::Careful(const Sides& sides, const Regime& regime, const DualOptions& options)
    : same_(sides.same), tolerance_(quadrature_tolerance(options)) {
    KinkedFunction left = function_of(sides.phi, regime);
    KinkedFunction right = sides.same ? left : function_of(sides.psi, regime);
    functions_ = std::make_shared<const Functions>(Functions{std::move(left), std::move(right)});
}

SampleMoments Careful::moments(int side, double mean, double variance) const {
    LineMoments line;
    return checked_moments(side == 0 ? functions_->left : functions_->right, variance, mean, tolerance_, line);
}

PairResult Careful::operator()(double A, double B, double mean_a, double mean_b, double minus, double plus,
                               const SampleMoments& a, const SampleMoments& b, bool slopes) const {
    return directly(functions_->left, functions_->right, same_, {A, B, mean_a, mean_b, minus, plus}, a, b, tolerance_,
                    slopes);
}

template <class Real>
std::unique_ptr<Dual<Real>> make_quadrature(const Sides& sides, const Regime& regime, const DualOptions& options,
                                            std::string* reason) {
    if (!std::isfinite(regime.largest_variance) || !std::isfinite(regime.largest_mean)) {
        *reason = "the variance is not bounded";
        return nullptr;
    }
    for (const auto& phi : {sides.phi, sides.psi}) {
        const double A = regime.largest_variance, m = regime.largest_mean;
        for (const double mean : {0.0, m, -m})
            for (const double sample : {-3.0, -1.0, -0.1, 0.1, 1.0, 3.0})
                if (const double x = mean + std::sqrt(A) * sample; std::isnan((*phi->value)(x)))
                    throw NoExpectation(fmt::format("the function is not defined everywhere: not at {:.3g}", x));
        for (const double mean : {0.0, m, -m})
            if (extent_of(*phi, A, mean) == 0) {
                *reason = fmt::format("the function grows too fast for a Gaussian of variance {:.3g}", A);
                if (outgrows(*phi, A, mean))
                    throw NoExpectation(*reason);
                return nullptr;
            }
    }
    return std::make_unique<Quadrature<Real>>(sides, regime, quadrature_tolerance(options));
}

template std::unique_ptr<Dual<float>> make_quadrature(const Sides&, const Regime&, const DualOptions&, std::string*);
template std::unique_ptr<Dual<double>> make_quadrature(const Sides&, const Regime&, const DualOptions&, std::string*);

} // namespace tpc::gaussian
