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

template <bool Signs, bool Plus, class Real>
HWY_INLINE void row_of(const LinearRow<Real>& row, const HomogeneousRow<Real>& dual) {
    using D = Tag<Real>;
    const Homogeneous<D> own(dual);
    const auto apply = [&](auto vectors, Position at, std::size_t lane, Vec<D>* minus, Vec<D>* plus,
                           Vec<D>* tangent) TPC_INLINE {
        static_cast<void>(at);
        static_cast<void>(lane);
        own.template operator()<Signs, Plus, true, decltype(vectors)::value>(D(), minus, plus, tangent);
    };
    linear_row<true, Signs, Plus, true, true>(row, apply);
}

template <class Real> HWY_INLINE void linear_any(const LinearRow<Real>& row, const HomogeneousRow<Real>& dual) {
    if (row.signs)
        row.plus != nullptr ? row_of<true, true>(row, dual) : row_of<true, false>(row, dual);
    else
        row.plus != nullptr ? row_of<false, true>(row, dual) : row_of<false, false>(row, dual);
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
