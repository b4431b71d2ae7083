// Sums of terms by rows.
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/linear.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/linear-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

template <bool Gap, bool Plus, class Real> HWY_INLINE void linear_of(const LinearRow<Real>& row) {
    const auto as_is = [](auto, Position, std::size_t, auto*, auto*, auto*) TPC_INLINE {};
    row.tangent != nullptr ? linear_row<Gap, Plus, Plus, true, true>(row, as_is)
                           : linear_row<Gap, Plus, Plus, false, true>(row, as_is);
}

template <class Real> HWY_INLINE void linear_any(const LinearRow<Real>& row) {
    if (row.gap)
        row.plus != nullptr ? linear_of<true, true>(row) : linear_of<true, false>(row);
    else
        linear_of<false, true>(row);
}

void linear_f32(const LinearRow<float>& row) {
    linear_any(row);
}
void linear_f64(const LinearRow<double>& row) {
    linear_any(row);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(linear_f32);
HWY_EXPORT(linear_f64);

template <> void linear(const LinearRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(linear_f32)(row);
}
template <> void linear(const LinearRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(linear_f64)(row);
}

} // namespace tpc::rows
#endif
