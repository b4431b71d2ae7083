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
#include "runtime/rows/rows.hpp"

#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/dual.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/arcsine.cpp"
#include <hwy/foreach_target.h>

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
HWY_INLINE Vec<D> nearly_linear_gap(D d, Vec<D> sine_a, Vec<D> sine_b, Vec<D> g, Vec<D> t) {
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

// atan(y / x) in 0 .. pi/2, of the smaller one over the larger.
template <class D, class Real = hn::TFromD<D>> HWY_INLINE Vec<D> turn(D d, Vec<D> y, Vec<D> x, Vec<D> ratio) {
    const auto& arctangent = gaussian::AnglePolynomials<Real>::instance().arctangent;
    const auto square = hn::Mul(ratio, ratio);
    const auto angle = hn::Mul(ratio, polynomial(d, arctangent, hn::Sub(hn::Add(square, square), hn::Set(d, Real(1)))));
    return hn::IfThenElse(hn::Lt(x, y), hn::Sub(hn::Set(d, std::numbers::pi_v<Real> / 2), angle), angle);
}

// What a row keeps of the left sample and of phi.
template <class D, class Real = hn::TFromD<D>> struct Fixed {
    Vec<D> root, versine, rate, norm, inverse, angle, sine, cosine, rest; // rest: 1 - sin alpha
    Vec<D> twice_scale, blur, small;
    HWY_INLINE Fixed(D d, const ArcsineRow<Real>& row) {
        const auto number = [&](std::size_t k) { return hn::Set(d, row.left[k]); };
        root = number(Numbers::root);
        versine = number(Numbers::versine);
        rate = number(Numbers::rate);
        norm = number(Numbers::norm);
        inverse = number(Numbers::inverse);
        angle = number(Numbers::angle);
        twice_scale = hn::Set(d, 2 * row.scale);
        blur = hn::Set(d, row.blur / row.scale); // of rates, in which p3 is a factor
        small = hn::Set(d, row.constant == Real(0) ? small_angle<Real> : Real(-1));
        sine = hn::Mul(root, root);
        cosine = hn::Sub(hn::Set(d, Real(1)), versine);
        rest = hn::Mul(hn::Mul(rate, rate), blur);
    }
};

// The correlation of some lanes.
template <class D, class Real = hn::TFromD<D>> struct Correlated {
    Vec<D> t; // 1 - |rho|
    hn::Mask<D> positive;
    HWY_INLINE Correlated(D d, const ArcsineRow<Real>& row, std::size_t lane) {
        const auto zero = hn::Zero(d);
        const auto minus = hn::Max(hn::LoadU(d, row.minus + lane), zero);
        const auto four = hn::Set(d, Real(4));
        const auto plus = hn::Max(row.plus != nullptr ? hn::LoadU(d, row.plus + lane) : hn::Sub(four, minus), zero);
        positive = hn::Le(minus, plus);
        t = hn::Mul(hn::Set(d, Real(0.5)), hn::Min(hn::Min(minus, plus), hn::Set(d, Real(2))));
    }
};

// tan(m - theta) = n / denominator.
template <class D> struct Angles {
    Vec<D> n, denominator, ratio; // the smaller over the larger
    Vec<D> sine, cosine;          // of theta
};

// The angles of some lanes, and T.
template <class D, class Real = hn::TFromD<D>>
HWY_INLINE void begin(D d, const ArcsineRow<Real>& row, const Fixed<D>& left, std::size_t lane, Angles<D>& angles) {
    const auto one = hn::Set(d, Real(1));
    const auto least = hn::Set(d, static_cast<Real>(sizeof(Real) == 4 ? 1e-18 : 1e-150)); // 0 / 0 counts as 0
    const auto number = [&](std::size_t k) { return hn::LoadU(d, row.right + k * row.right_stride + lane); };
    const auto t = Correlated<D>(d, row, lane).t;
    const auto root = number(Numbers::root);
    const auto versine = number(Numbers::versine);
    const auto rate = number(Numbers::rate);
    const auto g = hn::Mul(left.root, root);
    const auto beyond = hn::Mul(hn::Mul(g, g), hn::Mul(t, hn::Sub(hn::Set(d, Real(2)), t))); // g^2 (1 - rho^2)
    angles.sine = hn::Mul(g, hn::Sub(one, t));
    const auto sine = hn::Mul(root, root);
    // cos^2 theta = 1 - g^2 + g^2 (1 - rho^2)
    const auto right_rest = hn::Mul(hn::Mul(rate, rate), left.blur);
    const auto rest = hn::Sub(hn::Add(left.rest, right_rest), hn::Mul(left.rest, right_rest));
    angles.cosine = hn::Max(hn::Sqrt(hn::Add(rest, beyond)), least);
    // 4 sin^2 d = |exp(i alpha) - exp(i beta)|^2
    const auto across = hn::Sub(left.sine, sine);
    const auto along = hn::Sub(left.versine, versine);
    const auto chord = hn::MulAdd(across, across, hn::Mul(along, along));
    angles.n = hn::MulAdd(chord, hn::Set(d, Real(0.25)), beyond);
    const auto sums = hn::Add(hn::Mul(left.sine, hn::Sub(one, versine)), hn::Mul(sine, left.cosine)); // sin(alpha + beta)
    angles.denominator = hn::MulAdd(hn::Set(d, Real(0.5)), sums, hn::Mul(angles.sine, angles.cosine));
    const auto larger = hn::Max(hn::Max(angles.n, angles.denominator), least);
    const auto inverse = hn::Div(one, hn::Mul(larger, angles.cosine));
    angles.ratio = hn::Mul(hn::Mul(hn::Min(angles.n, angles.denominator), angles.cosine), inverse);
    if (row.out_tangent != nullptr) {
        const auto slope = hn::Mul(hn::Mul(inverse, larger), hn::Mul(left.rate, rate)); // 2/pi p3^2 / (... cos theta)
        hn::StoreU(hn::Mul(hn::LoadU(d, row.tangent + lane), slope), d, row.out_tangent + lane);
    }
}

// The gaps of some lanes; `turned` is m - theta.
template <class D, class Real = hn::TFromD<D>>
HWY_INLINE void finish(D d, const ArcsineRow<Real>& row, const Fixed<D>& left, std::size_t lane, const Angles<D>& angles,
                       Vec<D> turned) {
    const auto two = hn::Set(d, Real(2));
    const auto number = [&](std::size_t k) { return hn::LoadU(d, row.right + k * row.right_stride + lane); };
    const Correlated<D> correlated(d, row, lane);
    const auto both = hn::Mul(left.inverse, number(Numbers::inverse));
    const auto difference = hn::Sub(left.norm, number(Numbers::norm));
    const auto apart = hn::Mul(hn::Mul(difference, difference), both);
    auto near = hn::MulSub(hn::Mul(left.twice_scale, turned), both, apart);
    const auto distant = hn::Lt(hn::Set(d, Real(1)), apart); // norms far apart: the difference cancels, the product does not
    if (!hn::AllFalse(d, distant)) {
        const auto ratio = hn::Div(hn::Min(angles.sine, angles.cosine), hn::Max(angles.sine, angles.cosine));
        const auto theta = turn(d, angles.sine, angles.cosine, ratio);
        const auto product = hn::MulAdd(left.twice_scale, theta, hn::Set(d, 2 * row.constant));
        near = hn::IfThenElse(distant, hn::NegMulAdd(product, both, two), near);
    }
    const auto root = number(Numbers::root);
    const auto sine = hn::Mul(root, root);
    const auto linear = hn::Lt(hn::Max(left.sine, sine), left.small);
    if (!hn::AllFalse(d, linear))
        near = hn::IfThenElse(linear, nearly_linear_gap(d, left.sine, sine, hn::Mul(left.root, root), correlated.t), near);
    near = hn::Max(near, hn::Zero(d));
    // The other gap is the rest of 4 (p0^2 + q m) / sqrt(K_a K_b); without p0 that is 4 and what norms are apart by.
    auto far = hn::Sub(hn::Set(d, Real(4)), near);
    auto constant = hn::Zero(d);
    if (row.constant != Real(0)) {
        const auto sum = hn::Add(left.angle, number(Numbers::angle));
        far = hn::MulSub(hn::MulSub(two, sum, hn::Mul(left.twice_scale, turned)), both, apart);
        constant = hn::Mul(hn::Set(d, 4 * row.constant), both);
    }
    const auto none = hn::Eq(both, hn::Zero(d)); // what is 0 correlates with nothing
    hn::StoreU(hn::IfThenElse(none, two, hn::IfThenElse(correlated.positive, near, far)), d, row.out_minus + lane);
    if (row.out_plus != nullptr) {
        const auto opposite = hn::Add(hn::IfThenElse(correlated.positive, far, near), constant);
        hn::StoreU(hn::IfThenElse(none, two, opposite), d, row.out_plus + lane);
    }
}

// Step by step for some vectors at a time: a lane's operations wait for one another, those of other lanes do not.
template <class Real> HWY_INLINE void arcsine_any(const ArcsineRow<Real>& given) {
    const ArcsineRow<Real> row = given;
    const Tag<Real> d;
    using D = Tag<Real>;
    const std::size_t width = hn::Lanes(d);
    constexpr std::size_t most = 8;
    const Fixed<D> left(d, row);
    Angles<D> angles[most];
    Vec<D> turned[most];
    for (std::size_t lane = 0; lane < row.lanes; lane += most * width) {
        const std::size_t vectors = HWY_MIN(most, (row.lanes - lane) / width);
        for (std::size_t v = 0; v < vectors; ++v)
            begin(d, row, left, lane + v * width, angles[v]);
        for (std::size_t v = 0; v < vectors; ++v)
            turned[v] = turn(d, angles[v].n, angles[v].denominator, angles[v].ratio);
        for (std::size_t v = 0; v < vectors; ++v)
            finish(d, row, left, lane + v * width, angles[v], turned[v]);
    }
}

void arcsine_f32(const ArcsineRow<float>& row) {
    arcsine_any(row);
}
void arcsine_f64(const ArcsineRow<double>& row) {
    arcsine_any(row);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(arcsine_f32);
HWY_EXPORT(arcsine_f64);

template <> void arcsine(const ArcsineRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(arcsine_f32)(row);
}
template <> void arcsine(const ArcsineRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(arcsine_f64)(row);
}

} // namespace tpc::rows
#endif
