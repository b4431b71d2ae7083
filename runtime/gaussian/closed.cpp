// Dual kernels of sums of groups: E[phi psi] and E[phi' psi'] from closed forms, lane by lane.
//
// E[(phi(a) - phi(b))^2] cancels when a and b nearly coincide. There it is integrated along the straight path of
// laws from a = b (mean and variance the averages) to the given one: with g = (phi(a) - phi(b))^2,
//   d E[g] = 1/2 E[g_aa] dA + 1/2 E[g_bb] dB + E[g_ab] dc + E[g_a] d mean_a + E[g_b] d mean_b,
// whose rounding errors are of order sqrt(minus), as small as the slope of any kinked layer after it can notice.
//
// Where a function is small over nearly all of a Gaussian (relu far below its kink), what the groups add up to is far
// smaller than they are. Samples of which too little is left are known by the rounding of E[phi^2] and E[phi'^2], and
// pairs with one are integrated by panels instead.
#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/methods.hpp"
#include "runtime/gaussian/moments.hpp"

#include <boost/math/quadrature/gauss.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace tpc::gaussian {

namespace {

Bivariate reflect_b(const Bivariate& law) {
    return {law.mean_a, -law.mean_b, law.variance_a, law.variance_b, -law.covariance, law.gap, law.plus, law.minus};
}

Bivariate swapped(const Bivariate& law) {
    return {law.mean_b, law.mean_a, law.variance_b, law.variance_a, law.covariance, law.gap, law.minus, law.plus};
}

// The variance over which the smooth parts of phi change, and what kinks are apart by.
double smooth_scale(const Univariate& phi) {
    double scale = std::numeric_limits<double>::infinity();
    for (const Group& group : *phi.groups) {
        if (group.jump && group.blur > 0)
            scale = std::min(scale, group.blur);
        for (const Group& other : *phi.groups)
            if (group.jump && other.jump && group.blur == 0 && other.blur == 0 && group.kink != other.kink)
                scale = std::min(scale, (group.kink - other.kink) * (group.kink - other.kink));
        if (group.gauss > 0)
            scale = std::min(scale, 1 / (2 * group.gauss));
        if (group.rate != 0.0)
            scale = std::min(scale, 1 / std::norm(group.rate));
    }
    return scale;
}

// The same of phi but for kinks at the mean: how far closed forms are from their singularities.
double scale_of(const Univariate& phi, double mean) {
    double scale = smooth_scale(phi);
    for (const Group& group : *phi.groups)
        if (group.jump && group.blur == 0 && group.kink != mean)
            scale = std::min(scale, (group.kink - mean) * (group.kink - mean));
    return scale;
}

bool has_kink_at(const Univariate& phi, double mean) {
    return std::ranges::any_of(*phi.groups,
                               [&](const Group& group) { return group.jump && group.blur == 0 && group.kink == mean; });
}

constexpr double small = 0.01; // of the scale

using Rule = boost::math::quadrature::gauss<double, 10>;

template <class F> double integrate_unit(F integrand) { // over 0..1
    double sum = 0;
    for (std::size_t i = 0; i < Rule::abscissa().size(); ++i)
        for (double side : {-0.5, 0.5})
            sum += Rule::weights()[i] / 2 * integrand(0.5 + side * Rule::abscissa()[i]);
    return sum;
}

// The limit at a point where phi does not jump: sign(z)^2 is 0 at 0, and 1 beside it.
double limit_at(const Univariate& phi, double point) {
    const double beside = 4 * std::numeric_limits<double>::epsilon() * std::abs(point) + 1e-100;
    return ((*phi.value)(point - beside) + (*phi.value)(point + beside)) / 2;
}

} // namespace

// E[phi], and in `size` what it was added up from. For small variances the groups cancel (elu, hardtanh, sin):
// phi(m) + s * integral over t in 0..1 of E[n phi'(m + s t n)].
double first_moment(const Univariate& phi, double mean, double variance, double& size) {
    if (variance <= 0) {
        const double value = (*phi.value)(mean);
        size += std::abs(value);
        return value;
    }
    if (!phi.jumps.empty() || variance > small * scale_of(phi, mean))
        return expectation(*phi.groups, mean, variance, &size);
    const Groups centred{Group{0, 0, 0, false, 0, 0, {-mean, 1}}};
    const double start = limit_at(phi, mean);
    size += std::abs(start);
    return start + integrate_unit([&](double t) {
               return expectation(centred, phi.slope_groups, diagonal(mean, variance * t * t)) / t;
           });
}

namespace {

// E[phi psi], likewise. For small variances by Price's theorem along c = sqrt(AB) sin(alpha), where kinks at the mean leave
// no root, but for those of the other function off its mean.
double product_moment(const Univariate& phi, const Univariate& psi, const Bivariate& law, double& size) {
    const double A = law.variance_a, B = law.variance_b;
    const bool large_a = A > small * scale_of(phi, law.mean_a), large_b = B > small * scale_of(psi, law.mean_b);
    const bool plain = !phi.jumps.empty() || !psi.jumps.empty() || (large_a && large_b) ||
                       (large_a && has_kink_at(psi, law.mean_b)) || (large_b && has_kink_at(phi, law.mean_a));
    if (plain)
        return expectation(*phi.groups, *psi.groups, law, &size);
    const double product = std::sqrt(A) * std::sqrt(B);
    const double last = std::atan2(law.covariance, std::sqrt(law.gap));
    double sizes = 0, size_a = 0, size_b = 0;
    const double integral =
        last * integrate_unit([&](double t) {
            const double sine = std::sin(last * t), cosine = std::cos(last * t);
            const double c = product * sine;
            const Bivariate at{law.mean_a, law.mean_b, A, B, c, A * B * cosine * cosine, A + B - 2 * c, A + B + 2 * c};
            double one = 0;
            const double slope = expectation(phi.slope_groups, psi.slope_groups, at, &one);
            sizes = std::max(sizes, one);
            return cosine * slope;
        });
    const double means = first_moment(phi, law.mean_a, A, size_a) * first_moment(psi, law.mean_b, B, size_b);
    size += size_a * size_b + product * sizes;
    return means + product * integral;
}

// Whether the path integral is accurate: Var(a - b) and the shift are a part of the distance to the nearest singularity.
// Kinks off the mean leave one at the given law too, unless it is the noise of a - b that tells a and b apart and not their
// means or variances.
bool within_reach(const Univariate& phi, const Bivariate& law) {
    constexpr double part = 0.02;
    const double shift = law.mean_a - law.mean_b, far = part * smooth_scale(phi);
    const double apart = root_difference(law.variance_a, law.variance_b), distance = law.minus + shift * shift;
    if (distance > std::min({far, part * law.variance_a, part * law.variance_b}))
        return false;
    return apart + shift * shift <= law.minus - apart ||
           5 * distance <= part * std::min(scale_of(phi, law.mean_a), scale_of(phi, law.mean_b));
}

// dE[g]/ds for the law at s, A' = -B' = da, c' = -minus / 2, mean_a' = -mean_b' = dm.
double rate_of_change(const Univariate& phi, const Bivariate& law, double da, double minus, double dm) {
    const Groups& f = *phi.groups;
    const Bivariate aa = diagonal(law.mean_a, law.variance_a);
    const Bivariate bb = diagonal(law.mean_b, law.variance_b);
    const Bivariate ba = swapped(law);
    double rate = minus * expectation(phi.slope_groups, phi.slope_groups, law);
    if (da != 0) {
        // 1/2 g_aa = phi'(a)^2 + (phi(a) - phi(b)) phi''(a)
        double change =
            expectation(phi.slope_groups, phi.slope_groups, aa) - expectation(phi.slope_groups, phi.slope_groups, bb);
        change += expectation(phi.second_groups, f, aa) - expectation(phi.second_groups, f, bb);
        change -= expectation(phi.second_groups, f, law) - expectation(phi.second_groups, f, ba);
        for (const Spike& corner : phi.corners) {
            change += expectation(corner, f, aa) - expectation(corner, f, bb);
            change -= expectation(corner, f, law) - expectation(corner, f, ba);
        }
        rate += da * change;
    }
    if (dm != 0) {
        double change = expectation(f, phi.slope_groups, aa) - expectation(f, phi.slope_groups, bb);
        change += expectation(f, phi.slope_groups, law) - expectation(f, phi.slope_groups, ba);
        rate += 2 * dm * change;
    }
    return rate;
}

bool coincide(const Bivariate& law) {
    return law.minus == 0 && law.variance_a == law.variance_b && law.mean_a == law.mean_b;
}

// From a = b of the average law (s = 0) to the given one (s = 1).
struct Path {
    double variance, mean, da, dm, minus;
    explicit Path(const Bivariate& law)
        : variance((law.variance_a + law.variance_b) / 2), mean((law.mean_a + law.mean_b) / 2),
          da((law.variance_a - law.variance_b) / 2), dm((law.mean_a - law.mean_b) / 2), minus(law.minus) {}
    Bivariate operator()(double s) const {
        const double gap = variance * s * minus - s * s * (da * da + minus * minus / 4);
        return {mean + s * dm,      mean - s * dm, variance + s * da,       variance - s * da, variance - s * minus / 2,
                std::max(gap, 0.0), s * minus,     4 * variance - s * minus};
    }
};

// E[(phi(a) - phi(b))^2] for nearby a and b. s = sigma^2 takes the root singularity of kinks at s = 0 away.
double nearby_difference(const Univariate& phi, const Bivariate& law) {
    const Path path(law);
    const auto integrand = [&](double sigma) {
        return 2 * sigma * rate_of_change(phi, path(sigma * sigma), path.da, law.minus, path.dm);
    };
    return std::max(integrate_unit(integrand), 0.0);
}

// E[phi(a) psi(b)] along the same path. Directly, rounding of the conditional means divided by the conditional deviation,
// eps / sqrt(1 - rho), would show at kinks off the mean.
double nearby_product(const Univariate& phi, const Univariate& psi, const Bivariate& law) {
    const Path path(law);
    double size = 0;
    const double start = product_moment(phi, psi, diagonal(path.mean, path.variance), size);
    return start + integrate_unit([&](double sigma) {
               const Bivariate at = path(sigma * sigma);
               const Bivariate turned = swapped(at);
               double rate = -law.minus / 2 * expectation(phi.slope_groups, psi.slope_groups, at);
               if (path.dm != 0)
                   rate += path.dm *
                           (expectation(phi.slope_groups, *psi.groups, at) - expectation(*phi.groups, psi.slope_groups, at));
               if (path.da != 0) {
                   double change =
                       expectation(phi.second_groups, *psi.groups, at) - expectation(psi.second_groups, *phi.groups, turned);
                   for (const Spike& corner : phi.corners)
                       change += expectation(corner, *psi.groups, at);
                   for (const Spike& corner : psi.corners)
                       change -= expectation(corner, *phi.groups, turned);
                   rate += path.da / 2 * change;
               }
               return 2 * sigma * rate;
           });
}

void set_gaps(PairResult& result, double second_a, double second_b) {
    const double product = root_product(second_a, second_b);
    result.minus = std::max(2 * (product - result.value), 0.0);
    result.plus = std::max(2 * (product + result.value), 0.0);
}

// Nothing where a gap would lose its digits.
std::optional<PairResult> evaluate_pair(const Sides& sides, const Univariate& reflected_psi, const Bivariate& law,
                                        double second_a, double second_b, double digits) {
    const Univariate& phi = *sides.phi;
    const Univariate& psi = *sides.psi;
    const Bivariate opposite = reflect_b(law);
    const bool corners_only =
        phi.jumps.empty() && psi.jumps.empty(); // a jump makes E[g] grow like the root: no path, none needed
    const auto near = [&](const Univariate& right, const Bivariate& given) {
        return corners_only && within_reach(phi, given) && within_reach(right, given);
    };
    const auto difference = [&](const Bivariate& given) { return coincide(given) ? 0.0 : nearby_difference(phi, given); };
    const bool equal = near(psi, law), reversed = near(reflected_psi, opposite);
    PairResult result;
    double size = 0;
    result.slope = expectation(phi.slope_groups, psi.slope_groups, law);
    if (coincide(law) || coincide(opposite) || !(equal || reversed))
        result.value = product_moment(phi, psi, law, size);
    else
        result.value = equal ? nearby_product(phi, psi, law) : nearby_product(phi, reflected_psi, opposite);
    set_gaps(result, second_a, second_b);
    const double apart = root_difference(second_a, second_b);
    const auto scaled = [&](double variance) { return std::max(variance - apart, 0.0); };
    // Gaps that are differences of the norms have digits as long as they are no smaller.
    const double norms = result.minus + result.plus, root = 16 * std::numeric_limits<double>::epsilon() / digits;
    bool known_minus = result.minus >= root * root * norms, known_plus = result.plus >= root * root * norms;
    const auto kept = [&](double gap) { return 1e-14 * apart <= digits * std::sqrt(gap * norms); };
    if (sides.same && equal) {
        result.minus = scaled(difference(law));
        known_minus = kept(result.minus);
    }
    if (sides.same && reversed && phi.parity != 0) {
        (phi.parity > 0 ? result.minus : result.plus) = scaled(difference(opposite));
        (phi.parity > 0 ? known_minus : known_plus) = kept(phi.parity > 0 ? result.minus : result.plus);
    }
    const bool lost = sides.same && corners_only && !(known_minus && known_plus);
    return lost ? std::nullopt : std::optional(result);
}

template <class Real> class Closed final : public Dual<Real> {
  public:
    Closed(Sides sides, const Regime& regime, const DualOptions& options)
        : sides_(std::move(sides)), careful_(sides_, regime, options),
          digits_(std::clamp(options.tolerance / 1000, 1e-12, 1e-8)) {
        const Univariate& psi = *sides_.psi;
        reflected_.value = std::make_unique<Tape>(psi.value->reflected());
        reflected_.groups = reflect(*psi.groups);
        reflected_.slope_groups = derivative(*reflected_.groups, reflected_.jumps);
        reflected_.second_groups = derivative(reflected_.slope_groups, reflected_.corners);
    }

    std::size_t features() const override { return 1; } // E[phi^2]

    void prepare(int side, std::size_t count, const Real* variance, const Real* mean, Real* features,
                 std::size_t) const override {
        for (std::size_t i = 0; i < count; ++i)
            features[i] = static_cast<Real>(
                sample(side, mean ? static_cast<double>(mean[i]) : 0.0, static_cast<double>(variance[i])).second);
    }

    void evaluate(const Gaussians<Real>& gaussians, typename Dual<Real>::Features, typename Dual<Real>::Features,
                  const DualResult<Real>& result) const override;

    std::string method() const override { return "closed form"; }

  private:
    Sides sides_;
    Univariate reflected_; // psi(-z), value and groups only
    Careful careful_;
    double digits_; // of the norms that rounding may take

    struct Sample {
        double mean = std::numeric_limits<double>::quiet_NaN(), variance = 0;
        double second = 0;                    // E[phi^2]
        std::optional<SampleMoments> careful; // closed forms lose too much
    };
    [[nodiscard]] Sample sample(int side, double mean, double variance) const;
};

template <class Real> typename Closed<Real>::Sample Closed<Real>::sample(int side, double mean, double variance) const {
    const Univariate& phi = side == 0 ? *sides_.phi : *sides_.psi;
    Sample result{mean, variance, 0, {}};
    if (variance <= 0) {
        result.second = (*phi.value)(mean) * (*phi.value)(mean);
        return result;
    }
    constexpr double rounding = 4 * std::numeric_limits<double>::epsilon();
    double size = 0, slope_size = 0;
    const Bivariate self = diagonal(mean, variance);
    result.second = product_moment(phi, phi, self, size);
    const double slope = expectation(phi.slope_groups, phi.slope_groups, self, &slope_size);
    if (rounding * size <= digits_ * result.second && rounding * slope_size <= digits_ * slope)
        return result;
    result.careful = careful_.moments(side, mean, variance);
    result.second = result.careful->square;
    return result;
}

// The law of lane i; exactly equal and opposite samples become exactly so.
template <class Real> Bivariate law_of(const Gaussians<Real>& gaussians, std::size_t i) {
    const double A = gaussians.variance_a[i], B = gaussians.variance_b[i];
    const double minus = std::max<double>(gaussians.minus[i], 0), plus = std::max<double>(gaussians.plus[i], 0);
    const double mean_a = gaussians.mean_a.data ? gaussians.mean_a[i] : 0,
                 mean_b = gaussians.mean_b.data ? gaussians.mean_b[i] : 0;
    if (A == B && (minus == 0 || plus == 0))
        return minus == 0 ? Bivariate{mean_a, mean_b, A, B, A, 0, 0, 4 * A}
                          : Bivariate{mean_a, mean_b, A, B, -A, 0, 4 * A, 0};
    const auto rho = correlate(A, B, minus, plus);
    const double covariance = rho.root_a * rho.root_b * (rho.positive ? 1 - rho.gap : rho.gap - 1);
    const double apart = root_difference(A, B);
    return {mean_a, mean_b, A, B, covariance, A * B * rho.gap * (2 - rho.gap), minus + apart, plus + apart};
}

template <class Real>
void Closed<Real>::evaluate(const Gaussians<Real>& gaussians, typename Dual<Real>::Features, typename Dual<Real>::Features,
                            const DualResult<Real>& result) const {
    Sample known_a, known_b;
    const auto know = [&](Sample& known, int side, double mean, double variance) {
        if (known.mean != mean || known.variance != variance)
            known = sample(side, mean, variance);
    };
    for (std::size_t i = 0; i < gaussians.count; ++i) {
        const Bivariate law = law_of(gaussians, i);
        know(known_a, 0, law.mean_a, law.variance_a);
        if (sides_.same && law.mean_a == law.mean_b && law.variance_a == law.variance_b)
            known_b = known_a;
        know(known_b, 1, law.mean_b, law.variance_b);
        std::optional<PairResult> pair;
        if (law.variance_a <= 0 || law.variance_b <= 0) {
            if (!known_a.careful && !known_b.careful)
                pair = degenerate_pair(sides_, law.variance_a, law.variance_b, law.mean_a, law.mean_b);
        } else if (!known_a.careful && !known_b.careful) {
            pair = evaluate_pair(sides_, reflected_, law, known_a.second, known_b.second, digits_);
        }
        if (!pair) {
            for (auto [side, known] : {std::pair(0, &known_a), std::pair(1, &known_b)})
                if (!known->careful)
                    known->careful = careful_.moments(side, known->mean, known->variance);
            pair = careful_(law.variance_a, law.variance_b, law.mean_a, law.mean_b, std::max<double>(gaussians.minus[i], 0),
                            std::max<double>(gaussians.plus[i], 0), *known_a.careful, *known_b.careful,
                            result.slope != nullptr);
        }
        store(result, i, *pair);
    }
}

} // namespace

PairResult degenerate_pair(const Sides& sides, double A, double B, double mean_a, double mean_b) {
    double size = 0;
    const auto slope = [](const Univariate& f, double mean, double variance) {
        return variance > 0 ? expectation(f.slope_groups, mean, variance) : (*f.slope)(mean);
    };
    const auto second = [&](const Univariate& f, double mean, double variance) {
        const double value = (*f.value)(mean);
        return variance > 0 ? product_moment(f, f, diagonal(mean, variance), size) : value * value;
    };
    PairResult result;
    result.value = first_moment(*sides.phi, mean_a, A, size) * first_moment(*sides.psi, mean_b, B, size);
    result.slope = slope(*sides.phi, mean_a, A) * slope(*sides.psi, mean_b, B);
    set_gaps(result, second(*sides.phi, mean_a, A), second(*sides.psi, mean_b, B));
    return result;
}

template <class Real>
std::unique_ptr<Dual<Real>> make_closed(const Sides& sides, const Regime& regime, const DualOptions& options,
                                        std::string* reason) {
    if (!sides.phi->groups || !sides.psi->groups)
        return nullptr;
    for (const Univariate* f : {sides.phi.get(), sides.psi.get()})
        for (const Univariate* g : {sides.phi.get(), sides.psi.get()})
            if (!has_closed_form(*f->groups, *g->groups) || !has_closed_form(f->slope_groups, g->slope_groups))
                return nullptr;
    // exp(z) on a half line is the difference of two terms as large as E[exp(2z)]: they must not drown what remains.
    double rate = 0;
    for (const Univariate* f : {sides.phi.get(), sides.psi.get()})
        for (const Group& group : *f->groups)
            if (group.jump)
                rate = std::max(rate, std::abs(group.rate));
    const double growth = 2 * rate * rate * regime.largest_variance + 2 * rate * regime.largest_mean;
    if (std::exp(growth) * 1e-16 > std::min(options.tolerance, 1e-8) / 100) {
        if (reason)
            *reason = fmt::format("its closed form loses too many digits at variance {:.3g}", regime.largest_variance);
        return nullptr;
    }
    return std::make_unique<Closed<Real>>(sides, regime, options);
}

template std::unique_ptr<Dual<float>> make_closed(const Sides&, const Regime&, const DualOptions&, std::string*);
template std::unique_ptr<Dual<double>> make_closed(const Sides&, const Regime&, const DualOptions&, std::string*);

} // namespace tpc::gaussian
