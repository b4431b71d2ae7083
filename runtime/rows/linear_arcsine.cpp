// Dual kernels of p0 + p3 S(z) of sums of terms, as one row.
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/linear_arcsine.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/arcsine-inl.hpp"
#include "runtime/rows/linear-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

template <class Real> HWY_INLINE void linear_any(const LinearRow<Real>& row, const ArcsineRow<Real>& dual) {
    const Tag<Real> d;
    const Arcsine<Tag<Real>> own(dual);
    linear_dual<false>(row, [&](auto wants, auto vectors, Position at, std::size_t lane, auto* minus, auto* plus,
                                auto* tangent) TPC_INLINE {
        using W = decltype(wants);
        const Real* left = dual.left + at.sheet * dual.left_sheet + at.position * dual.left_step;
        const Real* right = dual.right + at.sheet * dual.right_sheet + at.position * dual.right_step + lane;
        own.template operator()<W::signs, W::plus, W::tangent, decltype(vectors)::value>(d, left, right, minus, plus,
                                                                                         tangent);
    });
}

void linear_arcsine_f32(const LinearRow<float>& row, const ArcsineRow<float>& dual) {
    linear_any(row, dual);
}
void linear_arcsine_f64(const LinearRow<double>& row, const ArcsineRow<double>& dual) {
    linear_any(row, dual);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(linear_arcsine_f32);
HWY_EXPORT(linear_arcsine_f64);

template <> void dual_of_sum(const LinearRow<float>& row, const ArcsineRow<float>& dual) {
    HWY_DYNAMIC_DISPATCH(linear_arcsine_f32)(row, dual);
}
template <> void dual_of_sum(const LinearRow<double>& row, const ArcsineRow<double>& dual) {
    HWY_DYNAMIC_DISPATCH(linear_arcsine_f64)(row, dual);
}

} // namespace tpc::rows
#endif
