// Dual kernels of p1 z + p2 |z| of sums of terms, as one row.
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/linear_homogeneous.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/homogeneous-inl.hpp"
#include "runtime/rows/linear-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

template <class Real> HWY_INLINE void linear_any(const LinearRow<Real>& row, const HomogeneousRow<Real>& dual) {
    const Tag<Real> d;
    const Homogeneous<Tag<Real>> own(dual);
    linear_dual<true>(
        row, [&](auto wants, auto vectors, Position, std::size_t, auto* minus, auto* plus, auto* tangent) TPC_INLINE {
            using W = decltype(wants);
            own.template operator()<W::signs, W::plus, W::tangent, decltype(vectors)::value>(d, minus, plus, tangent);
        });
}

void linear_homogeneous_f32(const LinearRow<float>& row, const HomogeneousRow<float>& dual) {
    linear_any(row, dual);
}
void linear_homogeneous_f64(const LinearRow<double>& row, const HomogeneousRow<double>& dual) {
    linear_any(row, dual);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(linear_homogeneous_f32);
HWY_EXPORT(linear_homogeneous_f64);

template <> void dual_of_sum(const LinearRow<float>& row, const HomogeneousRow<float>& dual) {
    HWY_DYNAMIC_DISPATCH(linear_homogeneous_f32)(row, dual);
}
template <> void dual_of_sum(const LinearRow<double>& row, const HomogeneousRow<double>& dual) {
    HWY_DYNAMIC_DISPATCH(linear_homogeneous_f64)(row, dual);
}

} // namespace tpc::rows
#endif
