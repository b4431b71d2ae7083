// Dual kernels of p0 + p1 z + p2 |z| + p3 sign z (relu, leaky_relu, abs, step, ...) for centred Gaussians.
//
// With theta = acos |rho|, lens = sin theta - theta cos theta and the nearer gap d = min(minus, plus):
//   E[|a| |b|]          = sqrt(AB) (|rho| + 2/pi lens)
//   2 (sqrt(AB) - E[|a| |b|]) = d - 4/pi sqrt(AB) lens
//   E[sign a sign b]    = +-(1 - 2/pi theta)
//   E[a sign b]         = c sqrt(2/(pi B))
// Even and odd parts of differences are uncorrelated.
#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/methods.hpp"

#include <algorithm>
#include <array>
#include <numbers>

namespace tpc::gaussian {

namespace {

using Coefficients = std::array<double, 4>; // of 1, z, |z|, sign z

template <class Real> class Piecewise final : public Dual<Real> {
  public:
    Piecewise(Sides sides, std::unique_ptr<Dual<Real>> closed, const Coefficients& p, const Coefficients& q)
        : sides_(std::move(sides)), closed_(std::move(closed)), p_(p), q_(q) {
        const auto exact = [](const Univariate& f, const Coefficients& k) {
            return (*f.value)(0) == k[0] && (*f.slope)(0) == k[1];
        };
        exact_at_zero_ = exact(*sides_.phi, p_) && exact(*sides_.psi, q_);
    }

    std::size_t features() const override { return 0; }
    void prepare(int, std::size_t, const Real*, const Real*, Real*, std::size_t) const override {}
    void evaluate(const Gaussians<Real>& gaussians, typename Dual<Real>::Features left, typename Dual<Real>::Features right,
                  const DualResult<Real>& result) const override;
    std::string method() const override { return "closed form (piecewise linear)"; }
    Shape shape() const override {
        Shape shape;
        if (!sides_.same || p_[0] != 0 || p_[3] != 0 || !exact_at_zero_)
            return shape;
        shape.kind = Shape::Kind::homogeneous;
        shape.linear = p_[1] * p_[1];
        shape.absolute = p_[2] * p_[2];
        shape.nonnegative = p_[2] >= std::abs(p_[1]);
        return shape;
    }

  private:
    template <bool Kinked, bool Jumping> void lanes(const Gaussians<Real>& gaussians, const DualResult<Real>& result) const;

    Sides sides_;
    std::unique_ptr<Dual<Real>> closed_; // for means
    Coefficients p_, q_;
    bool exact_at_zero_ = false; // false for products such as step * step, whose value at 0 is not a mean of one-sided ones
};

template <class Real>
template <bool Kinked, bool Jumping>
void Piecewise<Real>::lanes(const Gaussians<Real>& gaussians, const DualResult<Real>& result) const {
    constexpr Real over_pi = std::numbers::inv_pi_v<Real>;
    const Real mean_abs = std::sqrt(2 * over_pi); // E|n|
    const AnglePolynomials<Real>& polynomials = AnglePolynomials<Real>::instance();
    std::array<Real, 4> p{}, q{};
    for (std::size_t k = 0; k < 4; ++k) {
        p[k] = static_cast<Real>(p_[k]);
        q[k] = static_cast<Real>(q_[k]);
    }
    const bool same = sides_.same, homogeneous = p[0] == 0 && p[3] == 0;
    for (std::size_t i = 0; i < gaussians.count; ++i) {
        const Real A = gaussians.variance_a[i], B = gaussians.variance_b[i];
        // Equal and opposite samples exactly so: the same numbers as a sample with itself.
        Real minus = std::max(gaussians.minus[i], Real(0)), plus = std::max(gaussians.plus[i], Real(0));
        plus = A == B && minus == 0 ? 4 * A : plus;
        minus = A == B && plus == 0 ? 4 * A : minus;
        const Correlation<Real> rho = correlate(A, B, minus, plus);
        const Real product = rho.root_a * rho.root_b;
        const Real sign = rho.positive ? Real(1) : Real(-1);
        const Real c = product > 0 ? (plus - minus) / 4 : Real(0);
        const Real live_a = A > 0 ? Real(1) : Real(0), live_b = B > 0 ? Real(1) : Real(0);

        Real theta = 0, lens = 0, signs = 0; // signs = E[sign a sign b]
        if constexpr (Kinked) {
            const Real w = rho.gap / 2, s = std::sqrt(w), x = 4 * w - 1;
            theta = s * horner(polynomials.angle, x);
            lens = w * s * horner(polynomials.lens, x);
            signs = live_a * live_b * sign * (1 - 2 * over_pi * theta);
        }
        const Real abs_a = mean_abs * rho.root_a, abs_b = mean_abs * rho.root_b;
        const Real abs_abs = product * (1 - rho.gap + 2 * over_pi * lens);
        const Real scaled = mean_abs * sign * (1 - rho.gap); // E[a sign b] = scaled sqrt A

        Real value = p[0] * q[0] + p[1] * q[1] * c;
        if constexpr (Kinked)
            value += p[0] * q[2] * abs_b + p[2] * q[0] * abs_a + p[2] * q[2] * abs_abs;
        if constexpr (Jumping)
            value += scaled * (p[1] * q[3] * rho.root_a * live_b + p[3] * q[1] * rho.root_b * live_a) + p[3] * q[3] * signs;
        if (result.value)
            result.value[i] = value;
        if (result.slope)
            result.slope[i] = Kinked ? p[1] * q[1] + p[2] * q[2] * signs : p[1] * q[1];
        if (!result.minus && !result.plus)
            continue;

        const auto second = [](const std::array<Real, 4>& k, Real variance, Real mean, Real live) { // E[phi^2], mean = E|a|
            return k[0] * k[0] + k[3] * k[3] * live + 2 * (k[0] * k[2] + k[1] * k[3]) * mean +
                   (k[1] * k[1] + k[2] * k[2]) * variance;
        };
        Real down, up;
        if (same && homogeneous) {
            const Real nearer = rho.positive ? minus : plus;
            const Real even_down = Kinked ? p[2] * p[2] * std::max(nearer - 4 * over_pi * product * lens, Real(0)) : Real(0);
            down = even_down + p[1] * p[1] * minus;
            up = 4 * p[2] * p[2] * product - even_down + p[1] * p[1] * plus;
        } else if (same) {
            // E[(phi(a) -+ phi(b))^2] = even + odd parts, then to equal scales
            const Real apart = root_difference(A, B),
                       between = root_difference(second(p, A, abs_a, live_a), second(p, B, abs_b, live_b));
            const Real nearer = (rho.positive ? minus : plus) + apart;
            const Real even_down = p[2] * p[2] * std::max(nearer - 4 * over_pi * product * lens, Real(0));
            const auto even = [&](Real variance, Real mean) {
                return p[0] * p[0] + 2 * p[0] * p[2] * mean + p[2] * p[2] * variance;
            };
            Real odd_down = p[1] * p[1] * (minus + apart), odd_up = p[1] * p[1] * (plus + apart);
            if constexpr (Jumping) {
                // E[(sign a - sign b)^2] = 4/pi theta, counted from the nearer end
                const Real close = 4 * over_pi * theta, far = 4 - close;
                const bool both = live_a * live_b > 0;
                const Real live = live_a + live_b;
                odd_down += p[3] * p[3] * (both ? (rho.positive ? close : far) : live);
                odd_up += p[3] * p[3] * (both ? (rho.positive ? far : close) : live);
                const Real mixed = 2 * p[1] * p[3] * (abs_a + abs_b);
                odd_down += mixed * (rho.positive ? rho.gap : 2 - rho.gap);
                odd_up += mixed * (rho.positive ? 2 - rho.gap : rho.gap);
            }
            down = std::max(even_down + odd_down - between, Real(0));
            up = std::max(2 * (even(A, abs_a) + even(B, abs_b)) - even_down + odd_up - between, Real(0));
        } else {
            const Real roots = root_product(second(p, A, abs_a, live_a), second(q, B, abs_b, live_b));
            down = std::max(2 * (roots - value), Real(0));
            up = std::max(2 * (roots + value), Real(0));
        }
        if (result.minus)
            result.minus[i] = down;
        if (result.plus)
            result.plus[i] = up;
    }
}

template <class Real>
void Piecewise<Real>::evaluate(const Gaussians<Real>& gaussians, typename Dual<Real>::Features left,
                               typename Dual<Real>::Features right, const DualResult<Real>& result) const {
    const auto moved = [&](const Lanes<Real>& mean) {
        for (std::size_t i = 0;
             mean.data && i < (mean.stride == 0 ? std::min<std::size_t>(1, gaussians.count) : gaussians.count); ++i)
            if (mean[i] != 0)
                return true;
        return false;
    };
    if (moved(gaussians.mean_a) || moved(gaussians.mean_b)) {
        closed_->evaluate(gaussians, left, right, result);
        return;
    }
    const bool jumping = p_[3] != 0 || q_[3] != 0;
    const bool kinked = jumping || p_[2] != 0 || q_[2] != 0;
    if (jumping)
        lanes<true, true>(gaussians, result);
    else if (kinked)
        lanes<true, false>(gaussians, result);
    else
        lanes<false, false>(gaussians, result);
    if (exact_at_zero_)
        return;
    for (std::size_t i = 0; i < gaussians.count; ++i)
        if (gaussians.variance_a[i] <= 0 || gaussians.variance_b[i] <= 0)
            store(result, i, degenerate_pair(sides_, gaussians.variance_a[i], gaussians.variance_b[i], 0, 0));
}

} // namespace

std::optional<std::array<double, 4>> piecewise_coefficients(const Univariate& phi) {
    if (!phi.groups)
        return std::nullopt;
    std::array<double, 4> result{};
    for (const Group& group : *phi.groups) {
        if (group.offset != 0 || group.gauss != 0 || group.rate != 0.0 || group.blur != 0 || group.kink != 0 ||
            group.poly.size() > 2)
            return std::nullopt;
        result[group.jump ? 3 : 0] += group.poly[0].real();
        if (group.poly.size() > 1)
            result[group.jump ? 2 : 1] += group.poly[1].real();
    }
    return result;
}

template <class Real>
std::unique_ptr<Dual<Real>> make_piecewise(const Sides& sides, const Regime& regime, const DualOptions& options) {
    const auto p = piecewise_coefficients(*sides.phi), q = piecewise_coefficients(*sides.psi);
    if (!p || !q || regime.largest_mean != 0)
        return nullptr;
    return std::make_unique<Piecewise<Real>>(sides, make_closed<Real>(sides, regime, options, nullptr), *p, *q);
}

template std::unique_ptr<Dual<float>> make_piecewise(const Sides&, const Regime&, const DualOptions&);
template std::unique_ptr<Dual<double>> make_piecewise(const Sides&, const Regime&, const DualOptions&);

} // namespace tpc::gaussian
