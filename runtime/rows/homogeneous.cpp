// Dual kernels of p1 z + p2 |z| by rows.
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/homogeneous.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/homogeneous-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

template <class Real> HWY_INLINE void homogeneous_any(const HomogeneousRow<Real>& row) {
    const Tag<Real> d;
    const Homogeneous<Tag<Real>> own(row);
    dual_row<most_vectors>(
        row, row.count, [&](auto wants, auto vectors, std::size_t, auto* minus, auto* plus, auto* tangent) TPC_INLINE {
            using W = decltype(wants);
            own.template operator()<W::signs, W::plus, W::tangent, decltype(vectors)::value>(d, minus, plus, tangent);
        });
}

void homogeneous_f32(const HomogeneousRow<float>& row) {
    homogeneous_any(row);
}
void homogeneous_f64(const HomogeneousRow<double>& row) {
    homogeneous_any(row);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(homogeneous_f32);
HWY_EXPORT(homogeneous_f64);

template <> void homogeneous(const HomogeneousRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(homogeneous_f32)(row);
}
template <> void homogeneous(const HomogeneousRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(homogeneous_f64)(row);
}

} // namespace tpc::rows
#endif
