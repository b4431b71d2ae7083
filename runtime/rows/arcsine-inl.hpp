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

#include <limits>
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

// Of some lanes at a time, all in registers: a lane's operations wait for one another, those of other lanes do not.
template <class D, class Real = hn::TFromD<D>> class Arcsine {
  public:
    explicit Arcsine(const ArcsineRow<Real>& given) : row(given) {}

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
        const auto least = set(static_cast<Real>(sizeof(Real) == 4 ? 1e-18 : 1e-150)); // 0 / 0 counts as 0
        const Real sine_left = left[Numbers::root] * left[Numbers::root];
        const Real rest_left = rest_of(left[Numbers::rate]);
        const auto number = [&](std::size_t k, std::size_t v) {
            return hn::LoadU(d, right + k * row.right_stride + v * width);
        };
        // tan(m - theta) = 4 n / denominator.
        Vec<D> ratio[Vectors], turned[Vectors];
        hn::Mask<D> steep[Vectors];
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto near = nearer<Signs>(d, minus[v], plus[v]); // 2 (1 - |rho|)
            const auto root = number(Numbers::root, v);
            const auto versine = number(Numbers::versine, v);
            const auto rate = number(Numbers::rate, v);
            const auto sine = hn::Mul(root, root);
            const auto square = hn::Mul(set(sine_left), sine);    // g^2
            const auto lost = hn::Mul(near, hn::Sub(four, near)); // 4 (1 - rho^2)
            // cos^2 theta = 1 - g^2 + g^2 (1 - rho^2), 1 - g^2 = a + b - a b with a, b = 1 - sin alpha, 1 - sin beta
            const auto rest =
                hn::MulAdd(hn::Mul(rate, rate), set(4 * sine_left * (row.blur / row.scale)), set(4 * rest_left));
            const auto twice_cosine = hn::Max(hn::Sqrt(hn::MulAdd(square, lost, rest)), least);
            const auto twice_sine = hn::Mul(hn::Mul(set(left[Numbers::root]), root), hn::Sub(two, near));
            // 4 sin^2 d = |exp(i alpha) - exp(i beta)|^2
            const auto across = hn::Sub(set(sine_left), sine);
            const auto along = hn::Sub(set(left[Numbers::versine]), versine);
            const auto n = hn::MulAdd(square, lost, hn::MulAdd(across, across, hn::Mul(along, along)));
            const auto sums = // 2 sin(alpha + beta)
                hn::MulAdd(sine, set(2 - 2 * left[Numbers::versine]),
                           hn::NegMulAdd(set(2 * sine_left), versine, set(2 * sine_left)));
            const auto denominator = hn::MulAdd(twice_sine, twice_cosine, sums);
            const auto larger = hn::Max(hn::Max(n, denominator), least);
            const auto inverse = hn::Div(one, hn::Mul(larger, twice_cosine));
            steep[v] = hn::Lt(denominator, n);
            ratio[v] = hn::Mul(hn::Mul(hn::Min(n, denominator), twice_cosine), inverse);
            if constexpr (Tangent) { // 2/pi p3^2 / (... cos theta)
                const auto slope = hn::Mul(hn::Mul(inverse, larger), hn::Mul(set(2 * left[Numbers::rate]), rate));
                tangent[v] = hn::Mul(tangent[v], slope);
            }
        }
        turns<Vectors>(d, ratio, steep, turned);
        const auto twice_scale = set(2 * row.scale);
        const bool slight = row.constant == Real(0) && sine_left < small_angle<Real>;
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto both = hn::Mul(set(left[Numbers::inverse]), number(Numbers::inverse, v));
            const auto difference = hn::Sub(set(left[Numbers::norm]), number(Numbers::norm, v));
            const auto apart = hn::Mul(hn::Mul(difference, difference), both);
            auto near = hn::MulSub(hn::Mul(twice_scale, turned[v]), both, apart);
            // norms far apart: the difference cancels, the product does not
            if (HWY_UNLIKELY(slight || !hn::AllFalse(d, hn::Lt(one, apart))))
                near = otherwise(d, left, right + v * width, nearer<Signs>(d, minus[v], plus[v]), apart, near);
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
            hn::Mask<D> positive;
            if constexpr (Signs)
                positive = hn::Le(minus[v], plus[v]);
            const auto same = [&](Vec<D> yes, Vec<D> no) {
                if constexpr (Signs)
                    return hn::IfThenElse(positive, yes, no);
                else
                    return yes;
            };
            minus[v] = hn::IfThenElse(none, two, same(near, far));
            if constexpr (Plus)
                plus[v] = hn::IfThenElse(none, two, hn::Add(same(far, near), constant));
        }
    }

  private:
    const ArcsineRow<Real>& row;
    // 1 - sin alpha
    Real rest_of(Real rate) const { return rate * rate * (row.blur / row.scale); }
    template <bool Signs> static HWY_INLINE Vec<D> nearer(D d, Vec<D> minus, Vec<D> plus) {
        const auto near = hn::Min(hn::Max(minus, hn::Zero(d)), hn::Set(d, Real(2)));
        if constexpr (Signs)
            return hn::Min(near, hn::Max(plus, hn::Zero(d)));
        else
            return near;
    }
    // The nearer gap after `near` (`given` before) where the difference cancels.
    HWY_NOINLINE Vec<D> otherwise(D d, const Real* left, const Real* right, Vec<D> given, Vec<D> apart, Vec<D> near) const {
        const auto set = [&](Real value) { return hn::Set(d, value); };
        const auto number = [&](std::size_t k) { return hn::LoadU(d, right + k * row.right_stride); };
        const auto root = number(Numbers::root);
        const auto rate = number(Numbers::rate);
        const auto both = hn::Mul(set(left[Numbers::inverse]), number(Numbers::inverse));
        const auto g = hn::Mul(set(left[Numbers::root]), root);
        const auto t = hn::Mul(set(Real(0.5)), given);
        const auto beyond = hn::Mul(hn::Mul(g, g), hn::Mul(t, hn::Sub(set(2), t)));
        const Real rest_left = rest_of(left[Numbers::rate]);
        const auto rest = hn::MulAdd(hn::Mul(rate, rate), set((1 - rest_left) * (row.blur / row.scale)), set(rest_left));
        const auto sine = hn::NegMulAdd(g, t, g);
        const auto cosine = hn::Max(hn::Sqrt(hn::Add(rest, beyond)), set(std::numeric_limits<Real>::min()));
        const auto ratio = hn::Div(hn::Min(sine, cosine), hn::Max(sine, cosine));
        const auto steep = hn::Lt(cosine, sine);
        Vec<D> theta;
        turns<1>(d, &ratio, &steep, &theta);
        const auto product = hn::MulAdd(set(2 * row.scale), theta, set(2 * row.constant)); // 2 (p0^2 + q theta)
        near = hn::IfThenElse(hn::Lt(set(1), apart), hn::NegMulAdd(product, both, set(2)), near);
        if (row.constant != Real(0))
            return near;
        const auto left_sine = set(left[Numbers::root] * left[Numbers::root]);
        const auto right_sine = hn::Mul(root, root);
        const auto linear = hn::Lt(hn::Max(left_sine, right_sine), set(small_angle<Real>));
        return hn::IfThenElse(linear, nearly_linear_gap(d, left_sine, right_sine, g, t), near);
    }
};

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
