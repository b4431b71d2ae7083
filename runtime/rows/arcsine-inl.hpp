// The dual kernel of p0 + p3 S(z) by rows (runtime/gaussian/arcsine.cpp). With the angles sin alpha = A / (A + r), sin beta
// likewise, g^2 = sin alpha sin beta, sin theta = |rho| g, m and d half the sum and half the difference of alpha and beta,
//   sin^2 m - sin^2 theta = sin^2 d + g^2 (1 - rho^2) = n,
//   tan((m - theta) / 2) = n / ((sin m + sin theta) (cos m + cos theta)),
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

// atan(n / x) for 0 <= n <= x. Beyond pi/12 it is pi/6 + atan((n - c x) / (x + c n)), c = tan(pi/6).
template <std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void turns(D d, const gaussian::AnglePolynomials<Real>& polynomials, const Vec<D>* n, const Vec<D>* x,
                      Vec<D>* angle) {
    constexpr Real root = std::numbers::sqrt3_v<Real>;
    const auto least = hn::Set(d, static_cast<Real>(sizeof(Real) == 4 ? 1e-36 : 1e-300)); // 0 / 0 counts as 0
    Vec<D> ratio[Vectors], square[Vectors];
    hn::Mask<D> beyond[Vectors];
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        beyond[v] = hn::Lt(hn::Mul(hn::Set(d, 2 - root), x[v]), n[v]);
        const auto c = hn::IfThenElseZero(beyond[v], hn::Set(d, 1 / root));
        ratio[v] = hn::Div(hn::NegMulAdd(c, x[v], n[v]), hn::Max(hn::MulAdd(c, n[v], x[v]), least));
        square[v] = hn::Mul(ratio[v], ratio[v]);
    }
    polynomials_at<Vectors>(d, polynomials.arctangent, square, angle);
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v)
        angle[v] = hn::MulAdd(ratio[v], angle[v], hn::IfThenElseZero(beyond[v], hn::Set(d, std::numbers::pi_v<Real> / 6)));
}

// Of some lanes at a time, all in registers: a lane's operations wait for one another, those of other lanes do not.
template <class D, class Real = hn::TFromD<D>> class Arcsine {
  public:
    explicit Arcsine(const ArcsineRow<Real>& given)
        : row(given), steepness(given.blur > 0 ? given.scale / given.blur : Real(0)),
          noise(given.blur > 0 ? Real(0) : rounding * rounding) {}

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
        const auto least = set(static_cast<Real>(sizeof(Real) == 4 ? 1e-36 : 1e-300)); // 1 / cos theta is finite
        const Real sine_left = left[Numbers::root] * left[Numbers::root];
        const Real rest_left = left[Numbers::rest] * left[Numbers::rest]; // 1 - sin alpha
        const auto number = [&](std::size_t k, std::size_t v) {
            return hn::LoadU(d, right + k * row.right_stride + v * width);
        };
        // tan((m - theta) / 2) = (sin m - sin theta) / (cos m + cos theta) = 4 n / denominator.
        Vec<D> numerator[Vectors], denominator[Vectors], turned[Vectors];
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto near = nearer<Signs>(d, minus[v], plus[v]); // 2 (1 - |rho|)
            const auto level = number(Numbers::rest, v);
            const auto g = hn::Mul(set(left[Numbers::root]), number(Numbers::root, v));
            const auto lost = hn::Mul(hn::Mul(near, hn::Sub(four, near)), hn::Mul(g, g)); // 4 g^2 (1 - rho^2)
            // cos^2 theta = 1 - g^2 + g^2 (1 - rho^2), 1 - g^2 = a + b - a b with a, b = 1 - sin alpha, 1 - sin beta
            const auto rest = hn::MulAdd(hn::Mul(level, level), set(4 * (1 - rest_left)), set(4 * rest_left));
            const auto square = hn::Max(hn::Add(lost, rest), least);
            const auto secant = inverse_root(d, square); // 1 / (2 cos theta)
            const auto sine = number(Numbers::sine, v);
            const auto cosine = number(Numbers::cosine, v);
            // sin m and sin d are their sum and their difference: 0 where alpha is beta
            const auto one_way = hn::Mul(set(2 * left[Numbers::sine]), cosine);
            const auto other_way = hn::Mul(set(2 * left[Numbers::cosine]), sine);
            const auto twice_cosine = // of m: 0 where both are right angles
                hn::Sub(hn::Mul(set(2 * left[Numbers::cosine]), cosine), hn::Mul(set(2 * left[Numbers::sine]), sine));
            const auto across = hn::Sub(one_way, other_way);
            numerator[v] = hn::MulAdd(across, across, lost);
            denominator[v] = hn::Mul(hn::MulAdd(g, hn::Sub(two, near), hn::Add(one_way, other_way)),
                                     hn::MulAdd(square, secant, twice_cosine));
            if constexpr (Tangent) // q / (sqrt((A + r) (B + r)) cos theta); a jump has no slope
                tangent[v] = hn::Mul(tangent[v], hn::Mul(secant, hn::Mul(set(2 * steepness * left[Numbers::rest]), level)));
        }
        turns<Vectors>(d, polynomials, numerator, denominator, turned);
        const auto scale = set(4 * row.scale);
        const bool slight = row.constant == Real(0) && sine_left < small_angle<Real>;
        Vec<D> both[Vectors], apart[Vectors], near[Vectors], far[Vectors];
        auto furthest = zero;
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            both[v] = hn::Mul(set(left[Numbers::inverse]), number(Numbers::inverse, v));
            const auto difference = hn::Sub(set(left[Numbers::norm]), number(Numbers::norm, v));
            apart[v] = hn::Mul(hn::Mul(difference, difference), both[v]);
            turned[v] = hn::Mul(scale, turned[v]);
            near[v] = hn::MulSub(turned[v], both[v], apart[v]);
            furthest = hn::Max(furthest, apart[v]);
        }
        // norms far apart: the difference cancels, the product does not
        if (HWY_UNLIKELY(slight || !hn::AllFalse(d, hn::Lt(one, furthest))))
            for (std::size_t v = 0; v < Vectors; ++v)
                near[v] = otherwise(d, left, right + v * width, nearer<Signs>(d, minus[v], plus[v]), apart[v], near[v]);
        // The other gap is the rest of 4 (p0^2 + q m) / sqrt(K_a K_b); without p0 that is 4 and what norms are apart by.
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            near[v] = hn::Max(near[v], zero);
            far[v] = hn::Sub(four, near[v]);
        }
        const auto constant = set(4 * row.constant);
        if (HWY_UNLIKELY(row.constant != Real(0)))
            for (std::size_t v = 0; v < Vectors; ++v) {
                const auto sum = hn::Add(set(left[Numbers::angle]), number(Numbers::angle, v));
                far[v] = hn::MulSub(hn::MulSub(two, sum, turned[v]), both[v], apart[v]);
            }
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto none = hn::Eq(both[v], zero); // what is 0 correlates with nothing
            hn::Mask<D> positive;
            if constexpr (Signs)
                positive = hn::Le(minus[v], plus[v]);
            const auto same = [&](Vec<D> yes, Vec<D> no) {
                if constexpr (Signs)
                    return hn::IfThenElse(positive, yes, no);
                else
                    return yes;
            };
            minus[v] = hn::IfThenElse(none, two, same(near[v], far[v]));
            if constexpr (Plus)
                plus[v] = hn::IfThenElse(none, two, hn::MulAdd(constant, both[v], same(far[v], near[v])));
        }
    }

  private:
    const ArcsineRow<Real> row; // which nothing that is written can alias
    const gaussian::AnglePolynomials<Real>& polynomials = gaussian::AnglePolynomials<Real>::instance();
    const Real steepness; // q / r
    // A jump takes the root of a gap: what rounding left of the gap of multiples of one another would be 1e-8 after two
    // layers and 1e-4 after three. In single precision such samples are computed in double precision (execute/near.hpp).
    static constexpr Real rounding = sizeof(Real) == 8 ? 16 * std::numeric_limits<Real>::epsilon() : 0;
    const Real noise;
    template <bool Signs> HWY_INLINE Vec<D> nearer(D d, Vec<D> minus, Vec<D> plus) const {
        const auto over = [&](Vec<D> gap) { return hn::Max(hn::Sub(gap, hn::Set(d, noise)), hn::Zero(d)); };
        const auto near = hn::Min(over(minus), hn::Set(d, Real(2)));
        if constexpr (Signs)
            return hn::Min(near, over(plus));
        else
            return near;
    }
    // The nearer gap after `near` (`given` before) where the difference cancels.
    HWY_NOINLINE Vec<D> otherwise(D d, const Real* left, const Real* right, Vec<D> given, Vec<D> apart, Vec<D> near) const {
        const auto set = [&](Real value) { return hn::Set(d, value); };
        const auto number = [&](std::size_t k) { return hn::LoadU(d, right + k * row.right_stride); };
        const auto root = number(Numbers::root);
        const auto level = number(Numbers::rest);
        const auto both = hn::Mul(set(left[Numbers::inverse]), number(Numbers::inverse));
        const auto g = hn::Mul(set(left[Numbers::root]), root);
        const auto t = hn::Mul(set(Real(0.5)), given);
        const auto beyond = hn::Mul(hn::Mul(g, g), hn::Mul(t, hn::Sub(set(2), t)));
        const Real rest_left = left[Numbers::rest] * left[Numbers::rest];
        const auto rest = hn::MulAdd(hn::Mul(level, level), set(1 - rest_left), set(rest_left));
        const auto sine = hn::NegMulAdd(g, t, g);
        const auto cosine = hn::Max(hn::Sqrt(hn::Add(rest, beyond)), set(std::numeric_limits<Real>::min()));
        const auto rest_of_turn = hn::Add(set(1), cosine); // tan(theta / 2) = sin theta / (1 + cos theta)
        Vec<D> half;
        turns<1>(d, polynomials, &sine, &rest_of_turn, &half);
        const auto product = hn::MulAdd(set(4 * row.scale), half, set(2 * row.constant)); // 2 (p0^2 + q theta)
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
