// Dual kernels of p1 z + p2 |z|, as C alone, of sums of terms: with rho = C / (a b), near = 2 (1 - |rho|), theta = acos
// |rho| and the polynomials of gaussian/correlation.hpp,
//   close = 1 - 2/pi theta = 1 - sqrt(near) angle / pi,   sin theta = sqrt(near) half_cosine,
//   E[phi phi] = a b (p1^2 rho + p2^2 (|rho| close + 2/pi sin theta)),   E[phi' phi'] = p1^2 + p2^2 sign(rho) close.
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
    Real linear, absolute;                                                      // p1^2, p2^2
    std::array<Real, gaussian::AnglePolynomials<Real>::angle_terms> angle;      // p2^2 / pi of it
    std::array<Real, gaussian::AnglePolynomials<Real>::half_cosine_terms> sine; // 2/pi p2^2 half_cosine
    explicit ValueHomogeneous(const HomogeneousRow<Real>& row)
        : linear(row.linear), absolute(row.absolute), angle(gaussian::AnglePolynomials<Real>::instance().angle),
          sine(gaussian::AnglePolynomials<Real>::instance().half_cosine) {
        for (Real& number : angle)
            number *= std::numbers::inv_pi_v<Real> * absolute;
        for (Real& number : sine)
            number *= 2 * std::numbers::inv_pi_v<Real> * absolute;
    }

    // In place; `inverse` is 1 / (a b), 0 where that is 0; `near` is lowered. Signs: C may be negative; Equal: `same` may
    // not be 0.
    template <bool Signs, bool Equal, std::size_t Vectors, class D>
    HWY_INLINE void operator()(D d, const Vec<D>* inverse, Vec<D> same, Vec<D>* value, Vec<D>* tangent, Vec<D>* near) const {
        const auto set = [&](Real number) { return hn::Set(d, number); };
        const auto zero = hn::Zero(d);
        const auto one = set(1);
        Vec<D> rho[Vectors], size[Vectors], root[Vectors], x[Vectors], sines[Vectors], close[Vectors];
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            rho[v] = hn::Mul(value[v], inverse[v]);
            if constexpr (Equal)
                rho[v] = hn::IfThenElse(hn::Ne(same, zero), one, rho[v]);
            size[v] = Signs ? hn::Abs(rho[v]) : rho[v];
            x[v] = hn::NegMulAdd(set(2), size[v], one);
            const auto gap = hn::Add(x[v], one);
            near[v] = Equal ? hn::IfThenElse(hn::Ne(same, zero), near[v], hn::Min(near[v], gap)) : hn::Min(near[v], gap);
            root[v] = hn::Sqrt(hn::Max(gap, zero));
        }
        polynomials_at<Vectors>(d, angle, x, close);
        polynomials_at<Vectors>(d, sine, x, sines);
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            close[v] = hn::NegMulAdd(root[v], close[v], set(absolute));
            const auto slope = hn::Add(Signs ? hn::CopySign(close[v], rho[v]) : close[v], set(linear));
            const auto both = hn::IfThenElseZero(hn::Ne(inverse[v], zero), reciprocal(d, inverse[v]));
            value[v] = hn::Mul(both, hn::MulAdd(rho[v], slope, hn::Mul(root[v], sines[v])));
            tangent[v] = hn::Mul(tangent[v], slope);
        }
    }

    // One vector of lanes at `count` positions: C and T from `values` and `tangents`, vectors side by side, to `row`.
    template <bool Signs, bool Equal, class D>
    HWY_INLINE void operator()(D d, const LinearRow<Real>& row, Position at, std::size_t lane, std::size_t count,
                               const Real* values, const Real* tangents, Vec<D> same, Vec<D>& near) const {
        constexpr std::size_t most = 2; // more leave the registers, and the processor looks ahead itself
        const std::size_t width = hn::Lanes(d);
        const Real* const left = pointer(row.left_inverse, at, 0);
        const Real* const right = pointer(row.right_inverse, at, lane);
        const std::ptrdiff_t left_step = row.left_inverse.step, right_step = row.right_inverse.step, step = row.step;
        const std::ptrdiff_t to = at.sheet * row.sheet + at.position * step + static_cast<std::ptrdiff_t>(lane);
        Real* const to_value = row.minus + to;
        Real* const to_tangent = row.tangent + to;
        Vec<D> least[most];
        for (auto& own : least)
            own = near;
        const auto some = [&](auto vectors, std::size_t first) TPC_INLINE {
            constexpr std::size_t Vectors = decltype(vectors)::value;
            Vec<D> inverse[Vectors], value[Vectors], tangent[Vectors];
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                const auto p = static_cast<std::ptrdiff_t>(first + v);
                inverse[v] = hn::Mul(hn::Set(d, left[p * left_step]), hn::LoadU(d, right + p * right_step));
                value[v] = hn::Load(d, values + (first + v) * width);
                tangent[v] = hn::Load(d, tangents + (first + v) * width);
            }
            (*this).template operator()<Signs, Equal, Vectors>(d, inverse, same, value, tangent, least);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                const auto p = static_cast<std::ptrdiff_t>(first + v);
                hn::StoreU(value[v], d, to_value + p * step);
                hn::StoreU(tangent[v], d, to_tangent + p * step);
            }
        };
        std::size_t first = 0;
        for (; first + most <= count; first += most)
            some(std::integral_constant<std::size_t, most>(), first);
        for (; first < count; ++first)
            some(std::integral_constant<std::size_t, 1>(), first);
        for (const auto& own : least)
            near = hn::Min(near, own);
    }
};

template <class Real>
HWY_INLINE void value_any(const LinearRow<Real>& given, const HomogeneousRow<Real>& dual, const Real* same, Real* apart) {
    const ValueHomogeneous<Real> own(dual);
    const LinearRow<Real> row = given; // which nothing that is written can alias
    using D = Tag<Real>;
    const D d;
    const auto room = hn::Set(d, static_cast<Real>(least_gap<Real>));
    if (sliding_row(
            row, [&](Position at, std::size_t lane, std::size_t count, const Real* values, const Real* tangents) TPC_INLINE {
                const auto equal = hn::LoadU(d, same + lane);
                auto near = hn::Add(hn::LoadU(d, apart + lane), room);
                if (!hn::AllTrue(d, hn::Eq(equal, hn::Zero(d))))
                    own.template operator()<true, true>(d, row, at, lane, count, values, tangents, equal, near);
                else if (row.signs)
                    own.template operator()<true, false>(d, row, at, lane, count, values, tangents, equal, near);
                else
                    own.template operator()<false, false>(d, row, at, lane, count, values, tangents, equal, near);
                hn::StoreU(hn::Sub(near, room), d, apart + lane);
            }))
        return;
    linear_row<false, false, false, true, false>(
        row, [&](auto count, Position at, std::size_t lane, auto* value, auto*, auto* tangent) TPC_INLINE {
            constexpr std::size_t Vectors = decltype(count)::value;
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                const std::size_t to = lane + v * hn::Lanes(d);
                const Vec<D> inverse =
                    hn::Mul(hn::Set(d, number(row.left_inverse, at)), hn::LoadU(d, pointer(row.right_inverse, at, to)));
                auto near = hn::Add(hn::LoadU(d, apart + to), room);
                own.template operator()<true, true, 1>(d, &inverse, hn::LoadU(d, same + to), value + v, tangent + v, &near);
                hn::StoreU(hn::Sub(near, room), d, apart + to);
            }
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
