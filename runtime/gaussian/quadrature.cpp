// Dual kernels of any two functions that are smooth but for kinks, jumps and singularities.
//
// Away from |rho| = 1, Mehler's series with coefficients by panels that end at the kinks: what it leaves out is below
// |rho|^terms times the root of both tails. Else b = mean_b + sqrt(B) (rho z + sqrt(1 - rho^2) y) with a = mean_a + sqrt(A)
// z, and E[(phi -+ psi)^2], E[phi' psi'] are integrated over z and, inside, over y, both split at the kinks: near equal
// samples nothing cancels.
#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/gauss_hermite.hpp"
#include "runtime/gaussian/hermite.hpp"
#include "runtime/gaussian/kinks.hpp"
#include "runtime/gaussian/line.hpp"
#include "runtime/gaussian/methods.hpp"

#include <fmt/format.h>

#include <limits>
#include <numbers>

namespace tpc::gaussian {
namespace {

constexpr std::size_t terms = 160;
constexpr double noisy = 64 * std::numeric_limits<double>::epsilon();

// Per sample, in this order: h_k, d_k (k < terms), then
enum Feature : std::size_t { mean_value = 2 * terms, mean_square, mean_slope, mean_slope_square, feature_count };

double density(double z) {
    return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
}

struct Function {
    std::shared_ptr<const Univariate> phi;
    Kinks kinks;
};

struct Law { // of one pair
    double mean_a = 0, mean_b = 0;
    double root_a = 0, root_b = 0; // deviations
    double rho = 0, apart = 0;     // apart = sqrt(1 - rho^2)
    double extent = 0;
    double norm = 0; // E[phi^2]^1/2, about
    // What may be neglected in the conditional expectations, far below the tolerance of the whole.
    double floor = 0, slope_floor = 0;
};

enum Component : std::size_t { down, up, slope, components }; // E[(phi - psi)^2], E[(phi + psi)^2], E[phi' psi']

// E over y of (phi - psi)^2, (phi + psi)^2 and psi' for given values of phi.
class Inner {
  public:
    Inner(const Function& psi, const Law& law, double tolerance)
        : psi_(psi), law_(law), tolerance_(tolerance), extent_(std::max(9.0, 0.75 * law.extent)), coarse_(hermite_nodes(14)),
          fine_(hermite_nodes(24)) {}

    bool converged = true;

    std::array<double, components> operator()(double z, double phi) {
        const double centre = law_.mean_b + law_.root_b * law_.rho * z;
        const double deviation = law_.root_b * law_.apart;
        if (deviation == 0) {
            const double value = (*psi_.phi->value)(centre);
            return {(phi - value) * (phi - value), (phi + value) * (phi + value), (*psi_.phi->slope)(centre)};
        }
        std::vector<double> edges;
        const double reach = extent_ * deviation;
        const std::vector<double>& sharp = psi_.kinks.sharp;
        for (auto kink = std::lower_bound(sharp.begin(), sharp.end(), centre - reach);
             kink != sharp.end() && *kink < centre + reach; ++kink)
            edges.push_back((*kink - centre) / deviation);
        for (const Bend& bend : psi_.kinks.bends)
            if (bend.width < deviation && std::abs(bend.at - centre) < reach)
                grade({(bend.at - centre) / deviation, bend.width / deviation}, extent_, edges);
        if (edges.empty())
            if (const auto smooth = by_hermite(centre, deviation, phi))
                return *smooth;
        return by_panels(std::move(edges), centre, deviation, phi);
    }

  private:
    const Function& psi_;
    const Law& law_;
    double tolerance_, extent_;
    const HermiteNodes& coarse_;
    const HermiteNodes& fine_;

    std::optional<std::array<double, components>> by_hermite(double centre, double deviation, double phi) const {
        constexpr std::size_t most = 14 + 24;
        std::array<double, most> x, value, slopes;
        std::size_t count = 0;
        for (const HermiteNodes* rule : {&coarse_, &fine_})
            for (const double y : rule->nodes)
                x[count++] = centre + deviation * y;
        (*psi_.phi->value)(count, x.data(), value.data());
        (*psi_.phi->slope)(count, x.data(), slopes.data());
        std::array<std::array<double, components>, 2> sums{};
        std::array<double, components> magnitude{};
        std::size_t at = 0;
        for (std::size_t r = 0; r < 2; ++r) {
            const HermiteNodes& rule = r == 0 ? coarse_ : fine_;
            for (std::size_t k = 0; k < rule.nodes.size(); ++k, ++at) {
                const double w = rule.weights[k];
                const double less = phi - value[at];
                const double more = phi + value[at];
                sums[r][down] += w * less * less;
                sums[r][up] += w * more * more;
                sums[r][slope] += w * slopes[at];
                if (r == 1)
                    magnitude[slope] += w * std::abs(slopes[at]);
            }
        }
        magnitude[down] = sums[1][down];
        magnitude[up] = sums[1][up];
        const Accuracy<components> accuracy = wanted(phi);
        for (std::size_t c = 0; c < components; ++c)
            if (!(std::abs(sums[1][c] - sums[0][c]) <=
                  tolerance_ * magnitude[c] + accuracy.absolute[c] + accuracy.root[c] * std::sqrt(magnitude[c])))
                return std::nullopt;
        return sums[1];
    }

    // With the rounding of phi and psi in their difference.
    [[nodiscard]] Accuracy<components> wanted(double phi) const {
        const double noise = noisy * (std::abs(phi) + law_.norm);
        const double least = law_.floor + noise * noise;
        return {{tolerance_, tolerance_, tolerance_}, {least, least, law_.slope_floor}, {noise, noise, 0}};
    }

    std::array<double, components> by_panels(std::vector<double> edges, double centre, double deviation, double phi) {
        for (const double y : {-extent_, -5.0, -2.5, 0.0, 2.5, 5.0, extent_})
            edges.push_back(y);
        std::sort(edges.begin(), edges.end());
        const auto integrand = [&](const double* y, auto& rows) {
            std::array<double, KronrodNodes::count> x, value;
            for (std::size_t k = 0; k < x.size(); ++k)
                x[k] = centre + deviation * y[k];
            (*psi_.phi->value)(x.size(), x.data(), value.data());
            (*psi_.phi->slope)(x.size(), x.data(), rows[slope].data());
            for (std::size_t k = 0; k < x.size(); ++k) {
                const double w = density(y[k]);
                rows[down][k] = (phi - value[k]) * (phi - value[k]) * w;
                rows[up][k] = (phi + value[k]) * (phi + value[k]) * w;
                rows[slope][k] *= w;
            }
        };
        const auto sum = integrate<components>(edges, integrand, wanted(phi));
        converged = converged && sum.converged;
        return sum.value;
    }
};

struct Outcome {
    std::array<double, components> value{};
    bool converged = false;
};

Outcome integrate_pair(const Function& phi, const Function& psi, const Law& law, double tolerance) {
    std::vector<double> edges = panel_edges(phi.kinks, law.root_a * law.root_a, law.mean_a, law.extent);
    // Smoothed kinks of psi: a layer of a few conditional deviations.
    if (law.rho != 0) {
        for (const Bend& bend : psi.kinks.bends) {
            const double width = std::max(bend.width / law.root_b, law.apart) / std::abs(law.rho);
            if (width < 1)
                grade({(bend.at - law.mean_b) / (law.root_b * law.rho), width}, law.extent, edges);
        }
        for (const double kink : psi.kinks.sharp)
            for (const double layer : {-8.5, -2.0, 0.0, 2.0, 8.5}) {
                const double z = ((kink - law.mean_b) / law.root_b + layer * law.apart) / law.rho;
                if (std::abs(z) < law.extent)
                    edges.push_back(z);
            }
    }
    std::sort(edges.begin(), edges.end());
    Inner inner(psi, law, tolerance / 10);
    const auto integrand = [&](const double* z, auto& rows) {
        std::array<double, KronrodNodes::count> x, value, slopes;
        for (std::size_t k = 0; k < x.size(); ++k)
            x[k] = law.mean_a + law.root_a * z[k];
        (*phi.phi->value)(x.size(), x.data(), value.data());
        (*phi.phi->slope)(x.size(), x.data(), slopes.data());
        for (std::size_t k = 0; k < x.size(); ++k) {
            const double w = density(z[k]);
            const auto given = inner(z[k], value[k]);
            rows[down][k] = w * given[down];
            rows[up][k] = w * given[up];
            rows[slope][k] = w * slopes[k] * given[slope];
        }
    };
    Accuracy<components> accuracy;
    accuracy.relative.fill(tolerance);
    accuracy.absolute.fill(1e-300);
    accuracy.root = {noisy * law.norm, noisy * law.norm, 0};
    const auto sum = integrate<components>(edges, integrand, accuracy, 1000);
    return {sum.value, sum.converged && inner.converged};
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
        return fmt::format("quadrature split at kinks, and a Hermite series of {} terms away from |rho| = 1", terms);
    }

  private:
    Function left_, right_;
    bool same_;
    Regime regime_;
    double tolerance_;

    static Function function_of(const std::shared_ptr<const Univariate>& phi, const Regime& regime) {
        const double far = regime.largest_mean + 40 * std::sqrt(regime.largest_variance);
        return {phi, find_kinks(*phi, -far, far)};
    }

    struct Known { // features of one lane
        const Real* at = nullptr;
        std::size_t stride = 0;
        double operator[](std::size_t k) const { return static_cast<double>(at[k * stride]); }
    };
    std::optional<PairResult> by_series(const Known& a, const Known& b, double rho) const;
    PairResult one(const Known& a, const Known& b, double A, double B, double mean_a, double mean_b, double low,
                   double high) const;
};

template <class Real>
void Quadrature<Real>::prepare(int side, std::size_t count, const Real* variance, const Real* mean, Real* features,
                               std::size_t stride) const {
    const Function& f = side == 0 ? left_ : right_;
    for (std::size_t i = 0; i < count; ++i) {
        const double A = std::max(static_cast<double>(variance[i]), 0.0);
        const double m = mean ? static_cast<double>(mean[i]) : 0;
        for (std::size_t k = 0; k < feature_count; ++k)
            features[k * stride + i] = 0;
        const LineMoments moments = line_moments(*f.phi, f.kinks, A, m, tolerance_);
        if (!moments.converged)
            throw std::domain_error(
                fmt::format("a function's second moment under a Gaussian of mean {:.3g} and variance {:.3g} does not exist "
                            "or cannot be computed to {:.0e}",
                            m, A, tolerance_));
        features[mean_value * stride + i] = static_cast<Real>(moments.value);
        features[mean_square * stride + i] = static_cast<Real>(moments.square);
        features[mean_slope * stride + i] = static_cast<Real>(moments.slope);
        features[mean_slope_square * stride + i] = static_cast<Real>(moments.slope_square);
        if (A == 0)
            continue;
        const HermiteCoefficients c = panel_coefficients(*f.phi, terms, A, m, moments.edges);
        for (std::size_t k = 0; k < terms; ++k) {
            features[k * stride + i] = static_cast<Real>(c.values(static_cast<Eigen::Index>(k)));
            features[(terms + k) * stride + i] = static_cast<Real>(c.slopes(static_cast<Eigen::Index>(k)));
        }
    }
}

template <class Real>
std::optional<PairResult> Quadrature<Real>::by_series(const Known& a, const Known& b, double rho) const {
    const double last = std::pow(std::abs(rho), static_cast<double>(terms));
    if (last > 1e-3)
        return std::nullopt;
    double power = 1;
    double value = 0, slope = 0;
    double square_a = 0, square_b = 0, slope_a = 0, slope_b = 0;
    for (std::size_t k = 0; k < terms; ++k) {
        const double h = a[k], g = b[k], d = a[terms + k], e = b[terms + k];
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

template <class Real>
PairResult Quadrature<Real>::one(const Known& a, const Known& b, double A, double B, double mean_a, double mean_b,
                                 double low, double high) const {
    PairResult result;
    const double square_a = a[mean_square], square_b = b[mean_square];
    const double apart = root_difference(square_a, square_b);
    if (A <= 0 || B <= 0) {
        result.value = a[mean_value] * b[mean_value];
        result.slope = a[mean_slope] * b[mean_slope];
        const double norm = root_product(square_a, square_b);
        result.minus = std::max(2 * (norm - result.value), 0.0);
        result.plus = std::max(2 * (norm + result.value), 0.0);
        return result;
    }
    if (same_ && A == B && mean_a == mean_b && low == 0)
        return {square_a, 0, 4 * square_a, a[mean_slope_square]};
    const auto correlation = correlate(A, B, low, high);
    const double gap = A == B && (low == 0 || high == 0) ? 0 : correlation.gap;
    const double rho = correlation.positive ? 1 - gap : gap - 1;
    if (const auto series = by_series(a, b, rho))
        return *series;
    Law law{mean_a, mean_b, std::sqrt(A), std::sqrt(B), rho, std::sqrt(gap * (2 - gap)), 0, 0, 0, 0};
    law.norm = std::sqrt(std::max(square_a, square_b));
    law.floor = 1e-4 * tolerance_ * gap * std::min(square_a, square_b) + 1e-300;
    const double b_slope = b[mean_slope_square];
    law.slope_floor = std::isfinite(b_slope) ? 1e-4 * tolerance_ * std::sqrt(b_slope) + 1e-300 : 1e-300;
    law.extent = std::max(extent_of(*left_.phi, A, mean_a), extent_of(*right_.phi, B, mean_b));
    const Outcome outcome = integrate_pair(left_, right_, law, tolerance_);
    if (!outcome.converged)
        throw std::domain_error(fmt::format("an expectation of two functions of Gaussians (variances {:.3g} and {:.3g}, "
                                            "correlation {:.6g}) does not exist or cannot be computed to {:.0e}",
                                            A, B, rho, tolerance_));
    result.minus = std::max(outcome.value[down] - apart, 0.0);
    result.plus = std::max(outcome.value[up] - apart, 0.0);
    result.value = (outcome.value[up] - outcome.value[down]) / 4;
    result.slope = outcome.value[slope];
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
              one(a, b, A, B, mean_a, mean_b, std::max<double>(gaussians.minus[i], 0),
                  std::max<double>(gaussians.plus[i], 0)));
    }
}

} // namespace

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
                if (const double x = mean + std::sqrt(A) * sample; std::isnan((*phi->value)(x))) {
                    *reason = fmt::format("the function is not defined everywhere: not at {:.3g}", x);
                    return nullptr;
                }
        for (const double mean : {0.0, m, -m})
            if (extent_of(*phi, A, mean) == 0) {
                *reason = fmt::format("the function grows too fast for a Gaussian of variance {:.3g}", A);
                return nullptr;
            }
    }
    return std::make_unique<Quadrature<Real>>(sides, regime, std::clamp(options.tolerance / 10, 1e-11, 1e-5));
}

template std::unique_ptr<Dual<float>> make_quadrature(const Sides&, const Regime&, const DualOptions&, std::string*);
template std::unique_ptr<Dual<double>> make_quadrature(const Sides&, const Regime&, const DualOptions&, std::string*);

} // namespace tpc::gaussian
