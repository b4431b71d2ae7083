#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/moments.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

// One vector of lanes; false where a lane is not finite.
template <class D, class Real = hn::TFromD<D>>
HWY_INLINE bool moments_chunk(D d, const MomentRow<Real>& row, std::size_t lane) {
    const auto zero = hn::Zero(d);
    auto sum = zero;
    for (std::size_t k = 0; k < row.count; ++k) {
        const MomentTerm<Real>& term = row.terms[k];
        auto weight = hn::Set(d, term.weight);
        for (const Real* factor : term.factors)
            if (factor != nullptr)
                weight = hn::Mul(weight, hn::LoadU(d, factor + lane));
        if (term.value == nullptr) {
            sum = hn::Add(sum, weight);
            continue;
        }
        auto value = hn::LoadU(d, term.value + lane);
        if (term.less != nullptr)
            value = hn::Sub(value, hn::LoadU(d, term.less + lane));
        sum = hn::MulAdd(weight, value, sum);
    }
    const auto second = hn::IfThenElse(hn::Lt(sum, zero), zero, sum); // what cancels may end below zero
    hn::StoreU(second, d, row.second + lane);
    hn::StoreU(hn::Sqrt(second), d, row.norm + lane);
    hn::StoreU(hn::Mul(hn::Set(d, Real(4)), second), d, row.plus + lane);
    hn::StoreU(zero, d, row.minus + lane);
    return hn::AllTrue(d, hn::IsFinite(second));
}

template <class Real> HWY_INLINE bool moments_any(const MomentRow<Real>& row) {
    const Tag<Real> d;
    const hn::CappedTag<Real, 1> one;
    bool finite = true;
    std::size_t lane = 0;
    for (; lane + hn::Lanes(d) <= row.lanes; lane += hn::Lanes(d))
        finite = moments_chunk(d, row, lane) && finite;
    for (; lane < row.lanes; ++lane)
        finite = moments_chunk(one, row, lane) && finite;
    return finite;
}

bool moments_f32(const MomentRow<float>& row) {
    return moments_any(row);
}
bool moments_f64(const MomentRow<double>& row) {
    return moments_any(row);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(moments_f32);
HWY_EXPORT(moments_f64);

template <> bool moments(const MomentRow<float>& row) {
    return HWY_DYNAMIC_DISPATCH(moments_f32)(row);
}
template <> bool moments(const MomentRow<double>& row) {
    return HWY_DYNAMIC_DISPATCH(moments_f64)(row);
}

} // namespace tpc::rows
#endif
