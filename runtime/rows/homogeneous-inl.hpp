// The dual kernel of p1 z + p2 |z| on vectors of lanes (runtime/gaussian/piecewise.cpp, p0 = p3 = 0, divided by the norms),
// for every instruction set. With near = min(minus, plus) = 4 w, w = sin^2(theta/2), sqrt(near) = 2 s:
//   even gap = near - 4/pi (sin theta - theta cos theta) = near - near^1.5 lens / (2 pi),   1 - 2 theta/pi = 1 - sqrt(near)
//   angle / pi.
#if defined(TPC_RUNTIME_ROWS_HOMOGENEOUS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TPC_RUNTIME_ROWS_HOMOGENEOUS_INL
#undef TPC_RUNTIME_ROWS_HOMOGENEOUS_INL
#else
#define TPC_RUNTIME_ROWS_HOMOGENEOUS_INL
#endif

#include "runtime/gaussian/correlation.hpp"
#include "runtime/rows/vectors-inl.hpp"

#include <numbers>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

// Numbers that all lanes share.
template <class D, class Real = hn::TFromD<D>> struct Homogeneous {
    const gaussian::AnglePolynomials<Real>& polynomials = gaussian::AnglePolynomials<Real>::instance();
    Real odd, even; // p1^2, p2^2 over their sum
    Real linear, absolute;
    explicit Homogeneous(const HomogeneousRow<Real>& row) : linear(row.linear), absolute(row.absolute) {
        const Real total = linear + absolute;
        odd = total > 0 ? linear / total : Real(0);
        even = total > 0 ? absolute / total : Real(0);
    }

    // In place. Signs: C may be negative, and `plus` is there.
    template <bool Signs, bool Plus, bool Tangent, std::size_t Vectors>
    HWY_INLINE void operator()(D d, Vec<D>* minus, Vec<D>* plus, Vec<D>* tangent) const {
        constexpr Real over_pi = std::numbers::inv_pi_v<Real>;
        const auto zero = hn::Zero(d);
        const auto one = hn::Set(d, Real(1));
        const auto two = hn::Set(d, Real(2));
        const auto four = hn::Set(d, Real(4));
        Vec<D> near[Vectors], root[Vectors], x[Vectors], lens[Vectors], angle[Vectors];
        hn::Mask<D> positive[Vectors];
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            minus[v] = hn::Max(minus[v], zero);
            near[v] = hn::Min(minus[v], two);
            if constexpr (Signs) {
                plus[v] = hn::Max(plus[v], zero);
                positive[v] = hn::Le(minus[v], plus[v]);
                near[v] = hn::Min(near[v], plus[v]);
            }
            root[v] = hn::Sqrt(near[v]);
            x[v] = hn::Sub(near[v], one);
        }
        polynomials_at<Vectors>(d, polynomials.lens, x, lens);
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto cube = hn::Mul(hn::Mul(near[v], root[v]), lens[v]);
            const auto gap = hn::NegMulAdd(hn::Set(d, over_pi / 2), cube, near[v]);
            if constexpr (Plus)
                plus[v] = hn::MulAdd(hn::Set(d, odd), Signs ? plus[v] : hn::Sub(four, minus[v]),
                                     hn::Mul(hn::Set(d, even), hn::Sub(four, gap)));
            minus[v] = hn::MulAdd(hn::Set(d, odd), minus[v], hn::Mul(hn::Set(d, even), gap));
        }
        if constexpr (Tangent) {
            polynomials_at<Vectors>(d, polynomials.angle, x, angle);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                auto close = hn::NegMulAdd(hn::Set(d, over_pi), hn::Mul(root[v], angle[v]), one);
                if constexpr (Signs)
                    close = hn::IfThenElse(positive[v], close, hn::Neg(close));
                tangent[v] = hn::Mul(tangent[v], hn::MulAdd(hn::Set(d, absolute), close, hn::Set(d, linear)));
            }
        }
    }
};

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
