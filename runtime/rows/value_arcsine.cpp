// Dual kernels of p0 + p3 S(z), as C alone, of sums of terms: with sin theta = C / sqrt((A + r) (B + r)),
//   E[phi phi] = p0^2 + q theta,   E[phi' phi'] = q / (sqrt((A + r) (B + r)) cos theta),   q = 2/pi p3^2, r the blur.
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/value_arcsine.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/arcsine-inl.hpp"
#include "runtime/rows/linear-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

template <class Real> HWY_INLINE void value_any(const LinearRow<Real>& given, const ArcsineRow<Real>& dual, Real* apart) {
    const ArcsineRow<Real> own = dual; // which nothing that is written can alias
    const gaussian::AnglePolynomials<Real>& polynomials = gaussian::AnglePolynomials<Real>::instance();
    linear_row<false, false, false, true, false>(
        given, [&](auto count, Position at, std::size_t lane, auto* value, auto*, auto* tangent) TPC_INLINE {
            constexpr std::size_t Vectors = decltype(count)::value;
            const Tag<Real> d;
            const std::size_t width = hn::Lanes(d);
            const auto set = [&](Real number) { return hn::Set(d, number); };
            const Real* const left = own.left + at.sheet * own.left_sheet + at.position * own.left_step;
            const Real* const right = own.right + at.sheet * own.right_sheet + at.position * own.right_step + lane;
            const auto number = [&](std::size_t k, std::size_t v) {
                return hn::LoadU(d, right + k * own.right_stride + v * width);
            };
            const auto one = set(1);
            const auto least = set(std::numeric_limits<Real>::min());
            Vec<Tag<Real>> sine[Vectors], size[Vectors], rest[Vectors], half[Vectors];
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                const auto both = hn::Mul(set(left[Numbers::rest]), number(Numbers::rest, v)); // r / sqrt((A + r) (B + r))
                const auto most = hn::Mul(set(left[Numbers::root]), number(Numbers::root, v)); // sin theta where |rho| = 1
                sine[v] = hn::Mul(hn::Mul(set(1 / own.blur), both), value[v]);
                size[v] = hn::Abs(sine[v]);
                Real* const to = apart + lane + v * width;
                hn::StoreU(hn::Min(hn::LoadU(d, to), hn::MulSub(set(static_cast<Real>(1 - least_apart / 2)), most, size[v])),
                           d, to);
                const auto square = hn::Max(hn::NegMulAdd(sine[v], sine[v], one), least);
                const auto secant = inverse_root(d, square);
                tangent[v] = hn::Mul(hn::Mul(tangent[v], both), hn::Mul(set(own.scale / own.blur), secant));
                rest[v] = hn::MulAdd(square, secant, one); // tan(theta / 2) = sin theta / (1 + cos theta)
            }
            turns<Vectors>(d, polynomials, size, rest, half);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v)
                value[v] = hn::MulAdd(set(2 * own.scale), hn::CopySign(half[v], sine[v]), set(own.constant));
        });
}

void value_arcsine_f32(const LinearRow<float>& row, const ArcsineRow<float>& dual, float* apart) {
    value_any(row, dual, apart);
}
void value_arcsine_f64(const LinearRow<double>& row, const ArcsineRow<double>& dual, double* apart) {
    value_any(row, dual, apart);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(value_arcsine_f32);
HWY_EXPORT(value_arcsine_f64);

template <> void value_of_sum(const LinearRow<float>& row, const ArcsineRow<float>& dual, float* apart) {
    HWY_DYNAMIC_DISPATCH(value_arcsine_f32)(row, dual, apart);
}
template <> void value_of_sum(const LinearRow<double>& row, const ArcsineRow<double>& dual, double* apart) {
    HWY_DYNAMIC_DISPATCH(value_arcsine_f64)(row, dual, apart);
}

} // namespace tpc::rows
#endif
