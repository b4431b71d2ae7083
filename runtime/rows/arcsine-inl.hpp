// The dual kernel of p0 + p3 S(z) by rows (runtime/gaussian/arcsine.cpp). With the angles sin alpha = A / (A + r), sin beta
// likewise, g^2 = sin alpha sin beta, sin theta = |rho| g, m and d half the sum and half the difference of alpha and beta,
//   sin^2 m - sin^2 theta = sin^2 d + g^2 (1 - rho^2) = n,   tan(m - theta) = n / (sin m cos m + sin theta cos theta),
// and with q = 2/pi p3^2, K = E[phi^2] = p0^2 + q alpha, the gap to the nearer of equal and opposite samples is
//   near = (2 q (m - theta) - (sqrt K_a - sqrt K_b)^2) / sqrt(K_a K_b) = 2 - 2 (p0^2 + q theta) / sqrt(K_a K_b).
// Without p0 the difference cancels where phi is nearly linear, alpha, beta << 1 (collinear samples: in all but the square
// of the angles). There f(x) = asin(x) / x is summed as a power series in each of
//   near / 2 = 1 - |rho| f(rho g) / f(g) + |rho| f(rho g) / f(g) * lost,
//   1 - lost = f(g) / sqrt(f(sin alpha) f(sin beta)) = exp(-1/2 sum_k l_k (sin^k alpha - sin^k beta)^2),  log f = sum_k l_k
//   x^2k.
#if defined(TPC_RUNTIME_ROWS_ARCSINE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TPC_RUNTIME_ROWS_ARCSINE_INL
#undef TPC_RUNTIME_ROWS_ARCSINE_INL
#else
#define TPC_RUNTIME_ROWS_ARCSINE_INL
#endif

#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/dual.hpp"
#include "runtime/rows/vectors-inl.hpp"

#include <numbers>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

using Numbers = gaussian::ArcsineFeatures;

// sin alpha below which power series are used: the terms left out are of the order of its eighth power, relatively.
template <class Real> constexpr Real small_angle = static_cast<Real>(sizeof(Real) == 4 ? 0.25 : 0.03);

// The nearer gap where sin alpha and sin beta are below small_angle; t = 1 - |rho|.
template <class D, class Real = hn::TFromD<D>>
HWY_NOINLINE Vec<D> nearly_linear_gap(D d, Vec<D> sine_a, Vec<D> sine_b, Vec<D> g, Vec<D> t) {
    const auto set = [&](double value) { return hn::Set(d, static_cast<Real>(value)); };
    const auto one = set(1);
    const auto two = set(2);
    const auto half = set(0.5);
    // f = 1 + c1 x^2 + c2 x^4 ...
    constexpr double c1 = 1.0 / 6, c2 = 3.0 / 40, c3 = 5.0 / 112, c4 = 35.0 / 1152;
    constexpr double l1 = 1.0 / 6, l2 = 11.0 / 180, l3 = 191.0 / 5670, l4 = 2497.0 / 113400;
    // 1 - |rho| f(rho g) / f(g) = (t f(rho g) + f(g) - f(rho g)) / f(g), with 1 - rho^2k = (1 - rho^2) (1 + ... + rho^2k-2)
    const auto x = hn::Mul(g, g);
    const auto rho = hn::Sub(one, t);
    const auto s = hn::Mul(rho, rho);
    const auto lost = hn::Mul(t, hn::Sub(two, t)); // 1 - rho^2
    const auto series = [&](Vec<D> y) {
        return hn::MulAdd(hn::MulAdd(hn::MulAdd(hn::MulAdd(set(c4), y, set(c3)), y, set(c2)), y, set(c1)), y, one);
    };
    const auto first = hn::Add(one, s);
    const auto second = hn::MulAdd(first, s, one);
    const auto third = hn::MulAdd(second, s, one);
    auto difference = hn::MulAdd(hn::Mul(third, set(c4)), x, hn::Mul(second, set(c3)));
    difference = hn::MulAdd(difference, x, hn::Mul(first, set(c2)));
    difference = hn::Mul(hn::Mul(hn::MulAdd(difference, x, set(c1)), x), lost);
    const auto apart = hn::Div(hn::MulAdd(t, series(hn::Mul(s, x)), difference), series(x));
    // sin^k alpha - sin^k beta by the first difference
    const auto e = hn::Sub(sine_a, sine_b);
    const auto sum = hn::Add(sine_a, sine_b);
    const auto product = hn::Mul(sine_a, sine_b);
    const auto cubes = hn::Sub(hn::Mul(sum, sum), product); // a^2 + a b + b^2
    const auto fourths = hn::Mul(sum, hn::NegMulAdd(two, product, hn::Mul(sum, sum)));
    auto logarithm = hn::MulAdd(hn::Mul(sum, sum), set(l2), set(l1));
    logarithm = hn::MulAdd(hn::Mul(cubes, cubes), set(l3), logarithm);
    logarithm = hn::MulAdd(hn::Mul(fourths, fourths), set(l4), logarithm);
    logarithm = hn::Mul(hn::Mul(hn::Mul(half, e), e), logarithm);
    // 1 - exp(-y), y < small_angle^2 / 12
    const auto gone = hn::Mul(logarithm, hn::NegMulAdd(hn::NegMulAdd(logarithm, set(1.0 / 6), half), logarithm, one));
    return hn::Mul(two, hn::MulAdd(hn::Sub(one, apart), gone, apart));
}

// atan(y / x) in 0 .. pi/2, of the ratio of the smaller one to the larger.
template <std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void turns(D d, const Vec<D>* ratio, const hn::Mask<D>* beyond, Vec<D>* angle) {
    const auto& arctangent = gaussian::AnglePolynomials<Real>::instance().arctangent;
    Vec<D> x[Vectors];
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v)
        x[v] = hn::MulSub(hn::Add(ratio[v], ratio[v]), ratio[v], hn::Set(d, Real(1)));
    polynomials_at<Vectors>(d, arctangent, x, angle);
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        const auto part = hn::Mul(ratio[v], angle[v]);
        angle[v] = hn::IfThenElse(beyond[v], hn::Sub(hn::Set(d, std::numbers::pi_v<Real> / 2), part), part);
    }
}

// 2 (p0^2 + q theta)
template <class D, class Real = hn::TFromD<D>>
HWY_NOINLINE Vec<D> distant_product(D d, const ArcsineRow<Real>& row, Vec<D> sine, Vec<D> cosine) {
    const auto ratio = hn::Div(hn::Min(sine, cosine), hn::Max(sine, cosine));
    const auto steep = hn::Lt(cosine, sine);
    Vec<D> theta;
    turns<1>(d, &ratio, &steep, &theta);
    return hn::MulAdd(hn::Set(d, 2 * row.scale), theta, hn::Set(d, 2 * row.constant));
}

// Of some lanes at a time, all in registers: a lane's operations wait for one another, those of other lanes do not.
template <class D, class Real = hn::TFromD<D>> struct Arcsine {
    const ArcsineRow<Real>& row;

    // In place. `left` and `right` are the numbers of the samples; Signs: `plus` is there; Plus: it is wanted.
    template <bool Signs, bool Plus, bool Tangent, std::size_t Vectors>
    HWY_INLINE void operator()(D d, const Real* left, const Real* right, Vec<D>* minus, Vec<D>* plus,
                               Vec<D>* tangent) const {
        const std::size_t width = hn::Lanes(d);
        const auto set = [&](Real value) { return hn::Set(d, value); };
        const auto zero = hn::Zero(d);
        const auto one = set(1);
        const auto two = set(2);
        const auto four = set(4);
        const auto least = set(static_cast<Real>(sizeof(Real) == 4 ? 1e-18 : 1e-150));             // 0 / 0 counts as 0
        const Real left_rest = left[Numbers::rate] * left[Numbers::rate] * (row.blur / row.scale); // 1 - sin alpha
        const auto left_root = set(left[Numbers::root]);
        const auto left_sine = hn::Mul(left_root, left_root);
        const auto left_cosine = set(1 - left[Numbers::versine]);
        const auto number = [&](std::size_t k, std::size_t v) {
            return hn::LoadU(d, right + k * row.right_stride + v * width);
        };
        // tan(m - theta) = n / denominator.
        Vec<D> t[Vectors], ratio[Vectors], turned[Vectors], sines[Vectors], cosines[Vectors];
        hn::Mask<D> positive[Vectors], steep[Vectors];
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            auto near = hn::Max(minus[v], zero);
            if constexpr (Signs) {
                const auto other = hn::Max(plus[v], zero);
                positive[v] = hn::Le(near, other);
                near = hn::Min(near, other);
            }
            t[v] = hn::Mul(set(Real(0.5)), hn::Min(near, two)); // 1 - |rho|
            const auto root = number(Numbers::root, v);
            const auto versine = number(Numbers::versine, v);
            const auto rate = number(Numbers::rate, v);
            const auto g = hn::Mul(left_root, root);
            const auto beyond = hn::Mul(hn::Mul(g, g), hn::Mul(t[v], hn::Sub(two, t[v]))); // g^2 (1 - rho^2)
            const auto sine_theta = hn::Mul(g, hn::Sub(one, t[v]));
            const auto sine = hn::Mul(root, root);
            // cos^2 theta = 1 - g^2 + g^2 (1 - rho^2)
            const auto right_rest = hn::Mul(hn::Mul(rate, rate), set(row.blur / row.scale));
            const auto rest = hn::Sub(hn::Add(set(left_rest), right_rest), hn::Mul(set(left_rest), right_rest));
            const auto cosine_theta = hn::Max(hn::Sqrt(hn::Add(rest, beyond)), least);
            // 4 sin^2 d = |exp(i alpha) - exp(i beta)|^2
            const auto across = hn::Sub(left_sine, sine);
            const auto along = hn::Sub(set(left[Numbers::versine]), versine);
            const auto chord = hn::MulAdd(across, across, hn::Mul(along, along));
            const auto n = hn::MulAdd(chord, set(Real(0.25)), beyond);
            const auto sums = // sin(alpha + beta)
                hn::Add(hn::Mul(left_sine, hn::Sub(one, versine)), hn::Mul(sine, left_cosine));
            const auto denominator = hn::MulAdd(set(Real(0.5)), sums, hn::Mul(sine_theta, cosine_theta));
            const auto larger = hn::Max(hn::Max(n, denominator), least);
            const auto inverse = hn::Div(one, hn::Mul(larger, cosine_theta));
            steep[v] = hn::Lt(denominator, n);
            ratio[v] = hn::Mul(hn::Mul(hn::Min(n, denominator), cosine_theta), inverse);
            sines[v] = sine_theta;
            cosines[v] = cosine_theta;
            if constexpr (Tangent) { // 2/pi p3^2 / (... cos theta)
                const auto slope = hn::Mul(hn::Mul(inverse, larger), hn::Mul(set(left[Numbers::rate]), rate));
                tangent[v] = hn::Mul(tangent[v], slope);
            }
        }
        turns<Vectors>(d, ratio, steep, turned);
        const auto twice_scale = set(2 * row.scale);
        const auto small = set(row.constant == Real(0) ? small_angle<Real> : Real(-1));
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto both = hn::Mul(set(left[Numbers::inverse]), number(Numbers::inverse, v));
            const auto difference = hn::Sub(set(left[Numbers::norm]), number(Numbers::norm, v));
            const auto apart = hn::Mul(hn::Mul(difference, difference), both);
            auto near = hn::MulSub(hn::Mul(twice_scale, turned[v]), both, apart);
            const auto root = number(Numbers::root, v);
            const auto sine = hn::Mul(root, root);
            const auto distant = hn::Lt(one, apart); // norms far apart: the difference cancels, the product does not
            const auto linear = hn::Lt(hn::Max(left_sine, sine), small);
            if (HWY_UNLIKELY(!hn::AllFalse(d, hn::Or(distant, linear)))) {
                const auto product = distant_product(d, row, sines[v], cosines[v]);
                near = hn::IfThenElse(distant, hn::NegMulAdd(product, both, two), near);
                near = hn::IfThenElse(linear, nearly_linear_gap(d, left_sine, sine, hn::Mul(left_root, root), t[v]), near);
            }
            near = hn::Max(near, zero);
            // The other gap is the rest of 4 (p0^2 + q m) / sqrt(K_a K_b); without p0 that is 4 and what norms are apart by.
            auto far = hn::Sub(four, near);
            auto constant = zero;
            if (row.constant != Real(0)) {
                const auto sum = hn::Add(set(left[Numbers::angle]), number(Numbers::angle, v));
                far = hn::MulSub(hn::MulSub(two, sum, hn::Mul(twice_scale, turned[v])), both, apart);
                constant = hn::Mul(set(4 * row.constant), both);
            }
            const auto none = hn::Eq(both, zero); // what is 0 correlates with nothing
            const auto same = [&](Vec<D> yes, Vec<D> no) {
                if constexpr (Signs)
                    return hn::IfThenElse(positive[v], yes, no);
                else
                    return yes;
            };
            minus[v] = hn::IfThenElse(none, two, same(near, far));
            if constexpr (Plus)
                plus[v] = hn::IfThenElse(none, two, hn::Add(same(far, near), constant));
        }
    }
};

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
