// Dual kernels by Mehler's series, E[phi psi] = sum_k h_k h'_k rho^k and E[phi' psi'] = sum_k d_k d'_k rho^k with the
// Hermite coefficients of phi, phi' at each sample's own mean and variance:
//   E[(phi -+ psi)^2] = sum_k (h_k -+ sign^k h'_k)^2 +- 2 sign^k h_k h'_k (1 - |rho|^k),   sign that of rho,
// where nothing cancels, since 1 - r^(k+1) = (1 - r^k) + r^k (1 - r).
#include "runtime/gaussian/coefficient_table.hpp"
#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/hermite.hpp"
#include "runtime/gaussian/line.hpp"
#include "runtime/gaussian/methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace tpc::gaussian {

namespace {

constexpr std::size_t most_terms = 1024;
constexpr std::size_t most_nodes = 16384;

// A sample of the regime: the tails are checked at all of these.
struct Place {
    double variance = 0;
    double mean = 0;
};

std::vector<Place> places_of(const Regime& regime) {
    std::vector<Place> places;
    for (double factor : {1.0, 0.1, 0.01})
        for (double side : {0.0, 1.0, -1.0})
            if (side == 0 || regime.largest_mean > 0)
                places.push_back({regime.largest_variance * factor, side * regime.largest_mean});
    return places;
}

// tail[K] = sum over k >= K of c_k^2 / norm. What is missing beyond the last coefficient counts, unless the coefficients
// have decayed to rounding before it; sin of a large variance has its coefficients far beyond.
std::vector<double> tail_of(const Eigen::VectorXd& coefficients, double norm) {
    const auto terms = static_cast<std::size_t>(coefficients.size());
    std::vector<double> tail(terms + 1, 0);
    if (norm <= 0)
        return tail;
    constexpr double rounding = 1e-10;
    const double last = coefficients.tail(coefficients.size() / 8).squaredNorm() / norm;
    const double missing = 1 - coefficients.squaredNorm() / norm;
    tail[terms] = last > 1e-27 || missing > rounding ? std::max(missing, 8 * last) : 0;
    for (std::size_t k = terms; k-- > 0;)
        tail[k] =
            tail[k + 1] + coefficients(static_cast<Eigen::Index>(k)) * coefficients(static_cast<Eigen::Index>(k)) / norm;
    return tail;
}

// The rule that resolves phi at every place, or nothing.
std::shared_ptr<const HermiteRule> rule_for(const Univariate& phi, const std::vector<Place>& places, std::size_t terms,
                                            std::string* reason) {
    double extent = 0;
    for (const Place& place : places) {
        const double needed = extent_of(phi, place.variance, place.mean);
        if (needed == 0) {
            *reason =
                fmt::format("the function is not defined everywhere or grows too fast for a Gaussian of variance {:.3g}",
                            place.variance);
            return nullptr;
        }
        extent = std::max(extent, needed);
    }
    auto nodes = static_cast<std::size_t>(2 * extent * (2 * std::sqrt(static_cast<double>(terms)) + 12) / (2 * 3.14)) + 1;
    auto rule = hermite_rule(terms, nodes, extent);
    while (rule->nodes() < most_nodes) {
        auto finer = hermite_rule(terms, 2 * rule->nodes(), extent);
        bool agree = true;
        for (const Place& place : places) {
            const HermiteCoefficients coarse = (*rule)(phi, place.variance, place.mean);
            const HermiteCoefficients fine = (*finer)(phi, place.variance, place.mean);
            if (!std::isfinite(fine.value_norm) || !std::isfinite(fine.slope_norm)) {
                *reason = "the function is not defined for all real numbers";
                return nullptr;
            }
            const double value = (coarse.values - fine.values).cwiseAbs().maxCoeff() + 1e-300;
            const double slope = (coarse.slopes - fine.slopes).cwiseAbs().maxCoeff() + 1e-300;
            agree = agree && value <= 3e-14 * std::sqrt(fine.value_norm) + 1e-300 &&
                    slope <= 3e-14 * std::sqrt(fine.slope_norm) + 1e-300;
        }
        if (agree)
            return rule;
        rule = std::move(finer);
    }
    *reason = fmt::format("the function varies too fast (or is singular) for a Gaussian of variance {:.3g}",
                          places.front().variance);
    return nullptr;
}

// Coefficients of one side at any Gaussian.
struct Side {
    std::shared_ptr<const Univariate> phi;
    std::shared_ptr<const HermiteRule> rule;       // null: kinked
    std::shared_ptr<const CoefficientTable> table; // of centred Gaussians
    [[nodiscard]] HermiteCoefficients at(std::size_t terms, double variance, double mean) const {
        return rule ? (*rule)(*phi, variance, mean) : kinked_coefficients(*phi, terms, variance, mean);
    }
    void tabulate(std::size_t terms) {
        const Side plain{phi, rule, nullptr};
        table = std::make_shared<CoefficientTable>([plain, terms](double variance) { return plain.at(terms, variance, 0); });
    }
};

// Whether the even and the odd terms count: an odd function has no even coefficients at zero mean.
struct Used {
    std::array<bool, 2> values{true, true};
    std::array<bool, 2> slopes{true, true};
};

bool vanishes(const Eigen::VectorXd& coefficients, double norm, Eigen::Index parity) {
    for (Eigen::Index k = parity; k < coefficients.size(); k += 2)
        if (std::abs(coefficients(k)) > 1e-15 * std::sqrt(norm))
            return false;
    return true;
}

Used used_terms(const std::vector<HermiteCoefficients>& left, const std::vector<HermiteCoefficients>& right,
                double largest_mean) {
    Used used;
    for (Eigen::Index parity : {0, 1}) {
        if (largest_mean != 0)
            break;
        const auto none = [&](bool slopes) {
            const auto zero = [&](const HermiteCoefficients& c) {
                return slopes ? vanishes(c.slopes, c.slope_norm, parity) : vanishes(c.values, c.value_norm, parity);
            };
            return std::all_of(left.begin(), left.end(), zero) || std::all_of(right.begin(), right.end(), zero);
        };
        used.values[parity] = !none(false);
        used.slopes[parity] = !none(true);
    }
    return used;
}

template <class Real> class Series final : public Dual<Real> {
  public:
    Series(Side left, Side right, bool same, std::size_t terms, const Regime& regime, const Used& used)
        : sides_{std::move(left), std::move(right)}, same_(same), terms_(terms), regime_(regime), used_(used) {}

    // values 0 .. terms-1, slopes, and what the values miss of E[phi^2]: the other side may need far fewer terms than phi
    std::size_t features() const override { return 2 * terms_ + 1; }
    void prepare(int side, std::size_t count, const Real* variance, const Real* mean, Real* features,
                 std::size_t stride) const override;
    void evaluate(const Gaussians<Real>& gaussians, typename Dual<Real>::Features left, typename Dual<Real>::Features right,
                  const DualResult<Real>& result) const override;
    Shape shape() const override {
        Shape shape;
        if (!same_)
            return shape;
        shape.kind = Shape::Kind::series;
        shape.terms = terms_;
        shape.values = used_.values;
        shape.slopes = used_.slopes;
        return shape;
    }
    std::string method() const override { return fmt::format("Hermite series, {} terms", terms_); }

  private:
    Side sides_[2];
    bool same_ = false;
    std::size_t terms_ = 0;
    Regime regime_;
    Used used_;
};

template <class Real>
void Series<Real>::prepare(int side, std::size_t count, const Real* variance, const Real* mean, Real* features,
                           std::size_t stride) const {
    const Side& given = sides_[side];
    const std::size_t features_of_one = 2 * terms_ + 1;
    for (std::size_t i = 0; i < count; ++i) {
        const double A = std::max(static_cast<double>(variance[i]), 0.0), m = mean ? static_cast<double>(mean[i]) : 0;
        // Outside the regime the tail bound does not hold: no number is better than a wrong one.
        constexpr double slack = sizeof(Real) == 4 ? 1e-4 : 1e-6;
        if (A > regime_.largest_variance * (1 + slack) || std::abs(m) > regime_.largest_mean * (1 + slack)) {
            for (std::size_t k = 0; k < features_of_one; ++k)
                features[k * stride + i] = std::numeric_limits<Real>::quiet_NaN();
            continue;
        }
        if (A == 0) {
            for (std::size_t k = 0; k < features_of_one; ++k)
                features[k * stride + i] = 0;
            features[i] = static_cast<Real>((*given.phi->value)(m));
            features[terms_ * stride + i] = static_cast<Real>((*given.phi->slope)(m));
            continue;
        }
        const HermiteCoefficients coefficients = m == 0 ? (*given.table)(A) : given.at(terms_, A, m);
        for (std::size_t k = 0; k < terms_; ++k) {
            features[k * stride + i] = static_cast<Real>(coefficients.values(static_cast<Eigen::Index>(k)));
            features[(terms_ + k) * stride + i] = static_cast<Real>(coefficients.slopes(static_cast<Eigen::Index>(k)));
        }
        const double missing = coefficients.value_norm - coefficients.values.squaredNorm();
        features[2 * terms_ * stride + i] = same_ ? Real(0) : static_cast<Real>(std::max(missing, 0.0));
    }
}

template <class Real>
void Series<Real>::evaluate(const Gaussians<Real>& gaussians, typename Dual<Real>::Features left,
                            typename Dual<Real>::Features right, const DualResult<Real>& result) const {
    constexpr std::size_t block = 64;
    const bool gaps = result.minus || result.plus;
    // Powers below this change nothing and would become denormal, which is slow.
    const Real tiny = std::pow(std::numeric_limits<Real>::epsilon(), Real(3));
    for (std::size_t begin = 0; begin < gaussians.count; begin += block) {
        const std::size_t lanes = std::min(block, gaussians.count - begin);
        Real sign[block], ratio[block], gap[block], power[block], lost[block], parity[block];
        Real value[block] = {}, slope[block] = {}, minus[block] = {}, plus[block] = {}, square_a[block] = {},
             square_b[block] = {};
        for (std::size_t i = 0; i < lanes; ++i) {
            const std::size_t lane = begin + i;
            const Real A = gaussians.variance_a[lane], B = gaussians.variance_b[lane];
            const Real down = std::max(gaussians.minus[lane], Real(0)), up = std::max(gaussians.plus[lane], Real(0));
            const Correlation<Real> rho = correlate(A, B, down, up);
            gap[i] = A == B && (down == 0 || up == 0) ? Real(A > 0 ? 0 : 1) : rho.gap;
            sign[i] = rho.positive ? Real(1) : Real(-1);
            ratio[i] = 1 - gap[i];
            power[i] = 1;
            parity[i] = 1;
            lost[i] = 0; // 1 - power
        }
        for (std::size_t k = 0; k < terms_; ++k) {
            const Real* a = left.data.data + k * left.stride + begin * left.data.stride;
            const Real* b = right.data.data + k * right.stride + begin * right.data.stride;
            const Real* da = a + terms_ * left.stride;
            const Real* db = b + terms_ * right.stride;
            const std::size_t sa = left.data.stride, sb = right.data.stride;
            if (used_.values[k % 2])
                for (std::size_t i = 0; i < lanes; ++i)
                    value[i] += a[i * sa] * b[i * sb] * (parity[i] * power[i]);
            if (used_.slopes[k % 2])
                for (std::size_t i = 0; i < lanes; ++i)
                    slope[i] += da[i * sa] * db[i * sb] * (parity[i] * power[i]);
            if (gaps && (!same_ || used_.values[k % 2]))
                for (std::size_t i = 0; i < lanes; ++i) {
                    const Real x = a[i * sa], y = parity[i] * b[i * sb];
                    minus[i] += (x - y) * (x - y) + 2 * x * y * lost[i];
                    plus[i] += (x + y) * (x + y) - 2 * x * y * lost[i];
                    square_a[i] += x * x;
                    square_b[i] += y * y;
                }
            for (std::size_t i = 0; i < lanes; ++i) {
                lost[i] += power[i] * gap[i];
                power[i] *= power[i] > tiny ? ratio[i] : Real(0);
                parity[i] *= sign[i];
            }
        }
        for (std::size_t i = 0; i < lanes; ++i) {
            const std::size_t lane = begin + i;
            if (gaps) {
                const Real missing_a = left.data.data[2 * terms_ * left.stride + lane * left.data.stride];
                const Real missing_b = right.data.data[2 * terms_ * right.stride + lane * right.data.stride];
                const Real full_a = square_a[i] + missing_a, full_b = square_b[i] + missing_b;
                const Real apart = root_difference(full_a, full_b), norm = root_product(full_a, full_b);
                const bool distant = apart > norm; // the difference cancels, the product does not
                minus[i] = distant ? 2 * (norm - value[i]) : minus[i] + (missing_a + missing_b - apart);
                plus[i] = distant ? 2 * (norm + value[i]) : plus[i] + (missing_a + missing_b - apart);
            }
            if (result.value)
                result.value[lane] = value[i];
            if (result.slope)
                result.slope[lane] = slope[i];
            if (result.minus)
                result.minus[lane] = minus[i] >= 0 ? minus[i] : minus[i] < 0 ? Real(0) : minus[i];
            if (result.plus)
                result.plus[lane] = plus[i] >= 0 ? plus[i] : plus[i] < 0 ? Real(0) : plus[i];
        }
    }
}

// The least number of terms after which both tails, |sum_{k >= K} h_k h'_k| <= sqrt(tail tail'), are below the tolerance.
std::optional<std::size_t> terms_needed(const std::vector<HermiteCoefficients>& left,
                                        const std::vector<HermiteCoefficients>& right, double tolerance) {
    std::size_t needed = 1;
    for (const HermiteCoefficients& a : left)
        for (const HermiteCoefficients& b : right)
            for (bool slopes : {false, true}) {
                const auto tail_a = slopes ? tail_of(a.slopes, a.slope_norm) : tail_of(a.values, a.value_norm);
                const auto tail_b = slopes ? tail_of(b.slopes, b.slope_norm) : tail_of(b.values, b.value_norm);
                std::size_t terms = tail_a.size();
                while (terms > 0 && std::sqrt(tail_a[terms - 1] * tail_b[terms - 1]) <= tolerance)
                    --terms;
                if (terms == tail_a.size())
                    return std::nullopt;
                needed = std::max(needed, terms);
            }
    return needed;
}

// To `sharp` with `most` terms, or to `tolerance` with most_terms.
template <class Real>
std::unique_ptr<Dual<Real>> series_of(const Sides& sides, const Regime& regime, double sharp, double tolerance,
                                      std::size_t most, std::string* reason) {
    const std::vector<Place> places = places_of(regime);
    for (std::size_t terms : {std::size_t{64}, std::size_t{256}, most_terms}) {
        if (terms > 4 * most) // how fast the coefficients vanish may show only beyond the last one that counts
            break;
        Side left{sides.phi, nullptr, nullptr}, right{sides.psi, nullptr, nullptr};
        if (sides.phi->smooth)
            left.rule = rule_for(*sides.phi, places, terms, reason);
        if (sides.phi->smooth && !left.rule)
            return nullptr;
        if (sides.same)
            right = left;
        else if (sides.psi->smooth)
            right.rule = rule_for(*sides.psi, places, terms, reason);
        if (sides.psi->smooth && !right.rule)
            return nullptr;
        std::vector<HermiteCoefficients> at_left, at_right;
        for (const Place& place : places) {
            at_left.push_back(left.at(terms, place.variance, place.mean));
            at_right.push_back(right.at(terms, place.variance, place.mean));
        }
        auto needed = terms_needed(at_left, at_right, sharp);
        if (!needed && terms >= most_terms) // what was asked for will do
            needed = terms_needed(at_left, at_right, tolerance);
        if (!needed)
            continue;
        if (*needed > most)
            break;
        const auto shortened = [&](const Side& side) {
            if (!side.rule)
                return side;
            return Side{side.phi, hermite_rule(*needed, side.rule->nodes(), side.rule->extent()), nullptr};
        };
        Side short_left = shortened(left);
        short_left.tabulate(*needed);
        Side short_right = sides.same ? short_left : shortened(right);
        if (!sides.same)
            short_right.tabulate(*needed);
        return std::make_unique<Series<Real>>(std::move(short_left), std::move(short_right), sides.same, *needed, regime,
                                              used_terms(at_left, at_right, regime.largest_mean));
    }
    *reason = fmt::format("its Hermite series needs more than {} terms at variance {:.3g} for a tolerance of {:.1g}",
                          most_terms, regime.largest_variance, tolerance);
    return nullptr;
}

} // namespace

template <class Real>
std::unique_ptr<Dual<Real>> make_hermite(const Sides& sides, const Regime& regime, const DualOptions& options,
                                         std::string* reason) {
    if (!std::isfinite(regime.largest_variance) || !std::isfinite(regime.largest_mean)) {
        *reason = "the variance is not bounded";
        return nullptr;
    }
    // Either side may be kinked if the other is smooth: its coefficients then decay fast enough for both.
    for (const auto& phi : {sides.phi, sides.psi})
        if (!phi->smooth && (!phi->groups || (!sides.phi->smooth && !sides.psi->smooth))) {
            if (reason->empty())
                *reason = fmt::format("it has kinks or jumps ({}) and no closed form is known",
                                      phi->culprit.empty() ? "sign" : phi->culprit);
            return nullptr;
        }
    return series_of<Real>(sides, regime, std::min(options.tolerance, sizeof(Real) == 4 ? 1e-8 : 1e-12), options.tolerance,
                           most_terms, reason);
}

template <class Real> std::unique_ptr<Dual<Real>> make_short_series(const Sides& sides, const Regime& regime) {
    constexpr std::size_t most = 160; // still far cheaper than a closed form lane by lane; its numbers stay with each sample
    std::string unused;
    if (!sides.same || !sides.phi->smooth || regime.largest_mean != 0 || !std::isfinite(regime.largest_variance))
        return nullptr;
    return series_of<Real>(sides, regime, sizeof(Real) == 4 ? 1e-8 : 1e-15, 0, most, &unused);
}

template std::unique_ptr<Dual<float>> make_short_series(const Sides&, const Regime&);
template std::unique_ptr<Dual<double>> make_short_series(const Sides&, const Regime&);
template std::unique_ptr<Dual<float>> make_hermite(const Sides&, const Regime&, const DualOptions&, std::string*);
template std::unique_ptr<Dual<double>> make_hermite(const Sides&, const Regime&, const DualOptions&, std::string*);

} // namespace tpc::gaussian
