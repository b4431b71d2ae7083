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

template <class Real> HWY_INLINE void values_any(const ValueRow<Real>& row) {
    const Tag<Real> d;
    const auto half = hn::Set(d, Real(0.5));
    Position at;
    for (; at.sheet < static_cast<std::ptrdiff_t>(row.sheets); ++at.sheet)
        for (at.position = 0; at.position < static_cast<std::ptrdiff_t>(row.positions); ++at.position) {
            const auto x = hn::Set(d, *pointer(row.left_norm, at, 0));
            const Real* const right = pointer(row.right_norm, at, 0);
            Real* const data = row.data + at.sheet * row.sheet + at.position * row.step;
            for (std::size_t lane = 0; lane < row.lanes; lane += hn::Lanes(d)) {
                const auto w = hn::Mul(x, hn::LoadU(d, right + lane));
                hn::StoreU(hn::NegMulAdd(hn::Mul(w, half), hn::LoadU(d, data + lane), w), d, data + lane);
            }
        }
}

void values_f32(const ValueRow<float>& row) {
    values_any(row);
}
void values_f64(const ValueRow<double>& row) {
    values_any(row);
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

HWY_EXPORT(values_f32);
HWY_EXPORT(values_f64);
HWY_EXPORT(linear_f32);
HWY_EXPORT(linear_f64);

template <> void values(const ValueRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(values_f32)(row);
}
template <> void values(const ValueRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(values_f64)(row);
}
template <> void linear(const LinearRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(linear_f32)(row);
}
template <> void linear(const LinearRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(linear_f64)(row);
}

} // namespace tpc::rows
#endif
