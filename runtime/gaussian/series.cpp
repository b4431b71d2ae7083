// Dual kernels by Mehler's series, E[phi psi] = sum_k h_k h'_k rho^k and E[phi' psi'] = sum_k d_k d'_k rho^k with the
// Hermite coefficients of phi, phi' at each sample's own mean and variance:
//   E[(phi -+ psi)^2] = sum_k (h_k -+ sign^k h'_k)^2 +- 2 sign^k h_k h'_k (1 - |rho|^k),   sign that of rho,
// where nothing cancels, since 1 - r^(k+1) = (1 - r^k) + r^k (1 - r).
#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/parities.hpp"
#include "runtime/gaussian/trials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace tpc::gaussian {

namespace {

constexpr std::size_t most_terms = 1024;

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

// Shape::reach. The rest of a series from rho^k on is at most |rho|^k times the roots of both tails.
std::vector<double> reach_of(const std::vector<HermiteCoefficients>& places, const std::array<bool, 2>& used,
                             std::size_t terms) {
    constexpr double nothing = std::numeric_limits<double>::epsilon() / 64;
    constexpr double most_noise = 8; // of slopes in values: those of tables are known to so much of their norm
    std::vector<double> largest(terms + 1, 0);
    for (const HermiteCoefficients& c : places) {
        const double centred = c.values.tail(c.values.size() - 1).squaredNorm();
        double derived = 0; // E[(s phi')^2]
        for (Eigen::Index k = 1; k < c.values.size(); ++k)
            derived += static_cast<double>(k) * c.values(k) * c.values(k);
        if (derived > most_noise * most_noise * centred)
            return {};
        const auto values = tail_of(c.values, c.value_norm), slopes = tail_of(c.slopes, c.slope_norm);
        for (std::size_t k = 0; k <= terms; ++k)
            largest[k] = std::max({largest[k], slopes[k], k + 1 < values.size() ? values[k + 1] : 0});
    }
    const std::size_t step = used[0] && used[1] ? 1 : 2;
    std::vector<double> reach;
    for (std::size_t k = series_block * step + (used[0] ? 0 : 1); k < terms; k += series_block * step)
        reach.push_back(largest[k] <= nothing ? 1 : std::pow(nothing / largest[k], 1 / static_cast<double>(k)));
    reach.push_back(1);
    return reach;
}

template <class Real> class Series final : public Dual<Real> {
  public:
    Series(const SeriesTrials& trials, const SeriesTrials::Trial& trial, std::size_t terms)
        : same_(trials.same()), terms_(terms), regime_(trials.regime()),
          used_(used_terms(trial.at[0], trial.at[1], regime_.largest_mean)) {
        sides_[0] = trial.sides[0].shortened(terms);
        sides_[1] = same_ ? sides_[0] : trial.sides[1].shortened(terms);
        if (same_ && sides_[0].rule && regime_.largest_mean == 0 && (used_.slopes[0] || used_.slopes[1]))
            reach_ = reach_of(trial.at[0], used_.slopes, terms);
    }

    // values and slopes of the parities that do not vanish, and what the values miss of E[phi^2]: the other side may need
    // far fewer terms than phi
    std::size_t features() const override { return rest_place() + 1; }
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
        shape.reach = reach_;
        return shape;
    }
    std::string method() const override { return fmt::format("Hermite series, {} terms", terms_); }

  private:
    // Values that enter gaps count whether or not those of the other side vanish.
    [[nodiscard]] std::array<bool, 2> values() const { return same_ ? used_.values : std::array<bool, 2>{true, true}; }
    [[nodiscard]] std::size_t value_place(std::size_t k) const { return among(values(), k); } // the features in their order
    [[nodiscard]] std::size_t slope_place(std::size_t k) const {
        return terms_of(values(), terms_) + among(used_.slopes, k);
    }
    [[nodiscard]] std::size_t rest_place() const { return terms_of(values(), terms_) + terms_of(used_.slopes, terms_); }
    void store(const Abreast* numbers, const std::vector<std::size_t>& to, Real* features, std::size_t stride) const;

    SeriesSide sides_[2];
    bool same_;
    std::size_t terms_;
    Regime regime_;
    Used used_;
    std::vector<double> reach_;
};

template <class Real>
void Series<Real>::prepare(int side, std::size_t count, const Real* variance, const Real* mean, Real* features,
                           std::size_t stride) const {
    const SeriesSide& given = sides_[side];
    const std::size_t features_of_one = this->features();
    std::vector<std::size_t> tabulated;
    std::vector<double> variances;
    for (std::size_t i = 0; i < count; ++i) {
        const double A = std::max(static_cast<double>(variance[i]), 0.0), m = mean ? static_cast<double>(mean[i]) : 0;
        // Outside the regime the tail bound does not hold: no number is better than a wrong one.
        constexpr double slack = sizeof(Real) == 4 ? 1e-4 : 1e-6;
        if (A > regime_.largest_variance * (1 + slack) || std::abs(m) > regime_.largest_mean * (1 + slack)) {
            for (std::size_t k = 0; k < features_of_one; ++k)
                features[k * stride + i] = std::numeric_limits<Real>::quiet_NaN();
        } else if (A == 0) {
            for (std::size_t k = 0; k < features_of_one; ++k)
                features[k * stride + i] = 0;
            if (values()[0])
                features[value_place(0) * stride + i] = static_cast<Real>((*given.phi->value)(m));
            if (used_.slopes[0])
                features[slope_place(0) * stride + i] = static_cast<Real>((*given.phi->slope)(m));
        } else if (m == 0) {
            tabulated.push_back(i);
            variances.push_back(A);
        } else {
            const HermiteCoefficients one = given.at(terms_, A, m);
            std::vector<Abreast> numbers(2 * terms_ + 1);
            for (std::size_t k = 0; k < terms_; ++k) {
                numbers[k][0] = one.values(static_cast<Eigen::Index>(k));
                numbers[terms_ + k][0] = one.slopes(static_cast<Eigen::Index>(k));
            }
            numbers[2 * terms_][0] = one.value_norm;
            store(numbers.data(), {i}, features, stride);
        }
    }
    given.table->each(variances, [&](std::vector<std::size_t> samples, const Abreast* numbers) {
        for (std::size_t& sample : samples)
            sample = tabulated[sample];
        store(numbers, samples, features, stride);
    });
}

// Of a few Gaussians side by side, as tables have them.
template <class Real>
void Series<Real>::store(const Abreast* numbers, const std::vector<std::size_t>& to, Real* features,
                         std::size_t stride) const {
    const auto put = [&](const Abreast& from, std::size_t feature) {
        for (std::size_t i = 0; i < to.size(); ++i)
            features[feature * stride + to[i]] = static_cast<Real>(from[i]);
    };
    Abreast rest = numbers[2 * terms_];
    for (std::size_t k = 0; k < terms_; ++k) {
        if (values()[k % 2])
            put(numbers[k], value_place(k));
        if (used_.slopes[k % 2])
            put(numbers[terms_ + k], slope_place(k));
        for (std::size_t i = 0; i < rest.size(); ++i)
            rest[i] -= numbers[k][i] * numbers[k][i];
    }
    for (double& one : rest)
        one = same_ ? 0 : std::max(one, 0.0);
    put(rest, rest_place());
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
            const auto of = [&](const typename Dual<Real>::Features& side, std::size_t feature) {
                return side.data.data + feature * side.stride + begin * side.data.stride;
            };
            const Real *a = of(left, value_place(k)), *b = of(right, value_place(k));
            const Real *da = of(left, slope_place(k)), *db = of(right, slope_place(k));
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
                const Real missing_a = left.data.data[rest_place() * left.stride + lane * left.data.stride];
                const Real missing_b = right.data.data[rest_place() * right.stride + lane * right.data.stride];
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
std::unique_ptr<Dual<Real>> series_of(SeriesTrials& trials, double sharp, double tolerance, std::size_t most,
                                      std::string* reason) {
    for (const std::size_t terms : {std::size_t{64}, std::size_t{256}, most_terms}) {
        if (terms > 4 * most) // how fast the coefficients vanish may show only beyond the last one that counts
            break;
        const SeriesTrials::Trial& trial = trials(terms);
        if (!trial.reason.empty()) {
            *reason = trial.reason;
            return nullptr;
        }
        auto needed = terms_needed(trial.at[0], trial.at[1], sharp);
        if (!needed && terms >= most_terms) // what was asked for will do
            needed = terms_needed(trial.at[0], trial.at[1], tolerance);
        if (!needed)
            continue;
        if (*needed > most)
            break;
        return std::make_unique<Series<Real>>(trials, trial, *needed);
    }
    *reason = fmt::format("its Hermite series needs more than {} terms at variance {:.3g} for a tolerance of {:.1g}",
                          most_terms, trials.regime().largest_variance, tolerance);
    return nullptr;
}

} // namespace

template <class Real>
std::unique_ptr<Dual<Real>> make_hermite(const Sides& sides, SeriesTrials& trials, const DualOptions& options,
                                         std::string* reason) {
    const Regime& regime = trials.regime();
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
    return series_of<Real>(trials, std::min(options.tolerance, sizeof(Real) == 4 ? 1e-8 : 1e-12), options.tolerance,
                           most_terms, reason);
}

template <class Real> std::unique_ptr<Dual<Real>> make_short_series(const Sides& sides, SeriesTrials& trials) {
    constexpr std::size_t most = 160; // still far cheaper than a closed form lane by lane; its numbers stay with each sample
    std::string unused;
    const Regime& regime = trials.regime();
    if (!sides.same || !sides.phi->smooth || regime.largest_mean != 0 || !std::isfinite(regime.largest_variance))
        return nullptr;
    return series_of<Real>(trials, sizeof(Real) == 4 ? 1e-8 : 1e-15, 0, most, &unused);
}

template std::unique_ptr<Dual<float>> make_short_series(const Sides&, SeriesTrials&);
template std::unique_ptr<Dual<double>> make_short_series(const Sides&, SeriesTrials&);
template std::unique_ptr<Dual<float>> make_hermite(const Sides&, SeriesTrials&, const DualOptions&, std::string*);
template std::unique_ptr<Dual<double>> make_hermite(const Sides&, SeriesTrials&, const DualOptions&, std::string*);

} // namespace tpc::gaussian
