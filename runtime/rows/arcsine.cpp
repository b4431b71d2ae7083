// Dual kernels of p0 + p3 S(z) by rows.
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/arcsine.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/arcsine-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

template <class Real> HWY_INLINE void arcsine_any(const ArcsineRow<Real>& row) {
    const Tag<Real> d;
    const Arcsine<Tag<Real>> own(row);
    dual_row<2>(row, row.lanes,
                [&](auto wants, auto vectors, std::size_t lane, auto* minus, auto* plus, auto* tangent) TPC_INLINE {
                    using W = decltype(wants);
                    own.template operator()<W::signs, W::plus, W::tangent, decltype(vectors)::value>(
                        d, row.left, row.right + lane, minus, plus, tangent);
                });
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
