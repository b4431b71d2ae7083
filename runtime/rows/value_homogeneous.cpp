// Dual kernels of p1 z + p2 |z|, as C alone, of sums of terms: with rho = C / (a b), near = 2 (1 - |rho|) and the
// polynomials of homogeneous-inl.hpp,
//   E[phi phi] = a b (p1^2 rho + p2^2 (1 - near / 2 + near^1.5 lens / (4 pi))),
//   E[phi' phi'] = p1^2 + p2^2 sign(rho) (1 - sqrt(near) angle / pi).
#include "runtime/rows/value_homogeneous.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/value_homogeneous.cpp"
#include <hwy/foreach_target.h>

#include "runtime/gaussian/correlation.hpp"
#include "runtime/rows/linear-inl.hpp"
#include "runtime/rows/sliding-inl.hpp"

#include <numbers>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

// 1 / x of normal numbers, to an ulp or two: with e = 1 - x y of what the processor looks up, 2^-14, y (1 + e).
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<double> nearly_reciprocal(hn::Vec512<double> x) {
    return hn::Vec512<double>{_mm512_rcp14_pd(x.raw)};
}
HWY_INLINE hn::Vec512<float> nearly_reciprocal(hn::Vec512<float> x) {
    return hn::Vec512<float>{_mm512_rcp14_ps(x.raw)};
}
#endif
template <class D, class Real = hn::TFromD<D>> HWY_INLINE Vec<D> reciprocal(D d, Vec<D> x) {
    const auto one = hn::Set(d, Real(1));
#if HWY_TARGET <= HWY_AVX3
    auto y = nearly_reciprocal(x);
    y = hn::MulAdd(y, hn::NegMulAdd(x, y, one), y);
    if constexpr (sizeof(Real) == 8)
        y = hn::MulAdd(y, hn::NegMulAdd(x, y, one), y);
    return y;
#else
    return hn::Div(one, x);
#endif
}

template <class Real> struct ValueHomogeneous {
    const gaussian::AnglePolynomials<Real>& polynomials = gaussian::AnglePolynomials<Real>::instance();
    Real linear, absolute; // p1^2, p2^2
    explicit ValueHomogeneous(const HomogeneousRow<Real>& row) : linear(row.linear), absolute(row.absolute) {}

    // In place; `inverse` is 1 / (a b), 0 where that is 0.
    template <std::size_t Vectors, class D>
    HWY_INLINE void operator()(D d, const Vec<D>* inverse, const Vec<D>* same, Vec<D>* value, Vec<D>* tangent,
                               Vec<D>* apart) const {
        constexpr Real over_pi = std::numbers::inv_pi_v<Real>;
        const auto set = [&](Real number) { return hn::Set(d, number); };
        const auto zero = hn::Zero(d);
        const auto one = set(1);
        const auto two = set(2);
        Vec<D> rho[Vectors], near[Vectors], root[Vectors], x[Vectors], lens[Vectors], angle[Vectors];
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto one_gaussian = hn::Ne(same[v], zero);
            rho[v] = hn::IfThenElse(one_gaussian, one, hn::Mul(value[v], inverse[v]));
            near[v] = hn::NegMulAdd(two, hn::Abs(rho[v]), two);
            const auto left = hn::Sub(near[v], set(static_cast<Real>(least_gap<Real>)));
            apart[v] = hn::IfThenElse(one_gaussian, apart[v], hn::Min(apart[v], left));
            near[v] = hn::Max(near[v], zero);
            root[v] = hn::Sqrt(near[v]);
            x[v] = hn::Sub(near[v], one);
        }
        polynomials_at<Vectors>(d, polynomials.lens, x, lens);
        polynomials_at<Vectors>(d, polynomials.angle, x, angle);
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto cube = hn::Mul(hn::Mul(near[v], root[v]), lens[v]);
            const auto even = hn::MulAdd(set(over_pi / 4), cube, hn::NegMulAdd(set(Real(0.5)), near[v], one));
            const auto both = hn::IfThenElseZero(hn::Ne(inverse[v], zero), reciprocal(d, inverse[v]));
            value[v] = hn::Mul(both, hn::MulAdd(set(linear), rho[v], hn::Mul(set(absolute), even)));
            const auto close = hn::NegMulAdd(set(over_pi), hn::Mul(root[v], angle[v]), one);
            tangent[v] = hn::Mul(tangent[v], hn::MulAdd(set(absolute), hn::CopySign(close, rho[v]), set(linear)));
        }
    }
};

template <class Real>
HWY_INLINE void value_any(const LinearRow<Real>& given, const HomogeneousRow<Real>& dual, const Real* same, Real* apart) {
    const ValueHomogeneous<Real> own(dual);
    const LinearRow<Real> row = given; // which nothing that is written can alias
    using D = Tag<Real>;
    const D d;
    const auto inverses = [&](Position at, std::size_t lane) TPC_INLINE {
        return hn::Mul(hn::Set(d, number(row.left_inverse, at)), hn::LoadU(d, pointer(row.right_inverse, at, lane)));
    };
    if (sliding_row(row, apart,
                    [&](auto count, Position at, std::size_t lane, auto* value, auto* tangent, auto* least) TPC_INLINE {
                        constexpr std::size_t Vectors = decltype(count)::value;
                        Vec<D> inverse[Vectors], equal[Vectors];
                        TPC_UNROLL
                        for (std::size_t v = 0; v < Vectors; ++v) {
                            inverse[v] = inverses({at.sheet, at.position + static_cast<std::ptrdiff_t>(v)}, lane);
                            equal[v] = hn::LoadU(d, same + lane);
                        }
                        own.template operator()<Vectors>(d, inverse, equal, value, tangent, least);
                    }))
        return;
    linear_row<false, false, false, true, false>(
        row, [&](auto count, Position at, std::size_t lane, auto* value, auto*, auto* tangent) TPC_INLINE {
            constexpr std::size_t Vectors = decltype(count)::value;
            Vec<D> inverse[Vectors], equal[Vectors], least[Vectors];
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                const std::size_t to = lane + v * hn::Lanes(d);
                inverse[v] = inverses(at, to);
                equal[v] = hn::LoadU(d, same + to);
                least[v] = hn::LoadU(d, apart + to);
            }
            own.template operator()<Vectors>(d, inverse, equal, value, tangent, least);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v)
                hn::StoreU(least[v], d, apart + lane + v * hn::Lanes(d));
        });
}

void value_homogeneous_f32(const LinearRow<float>& row, const HomogeneousRow<float>& dual, const float* same, float* apart) {
    value_any(row, dual, same, apart);
}
void value_homogeneous_f64(const LinearRow<double>& row, const HomogeneousRow<double>& dual, const double* same,
                           double* apart) {
    value_any(row, dual, same, apart);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(value_homogeneous_f32);
HWY_EXPORT(value_homogeneous_f64);

template <>
void value_of_sum(const LinearRow<float>& row, const HomogeneousRow<float>& dual, const float* same, float* apart) {
    HWY_DYNAMIC_DISPATCH(value_homogeneous_f32)(row, dual, same, apart);
}
template <>
void value_of_sum(const LinearRow<double>& row, const HomogeneousRow<double>& dual, const double* same, double* apart) {
    HWY_DYNAMIC_DISPATCH(value_homogeneous_f64)(row, dual, same, apart);
}

} // namespace tpc::rows
#endif
