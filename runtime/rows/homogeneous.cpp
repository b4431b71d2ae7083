// Dual kernels of p1 z + p2 |z| by rows.
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/homogeneous.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/homogeneous-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

template <bool Signs, bool Plus, bool Tangent, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void chunk(D d, const HomogeneousRow<Real>& row, const Homogeneous<D>& own, std::size_t first) {
    const std::size_t width = hn::Lanes(d);
    Vec<D> minus[Vectors], plus[Vectors], tangent[Vectors];
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        minus[v] = hn::LoadU(d, row.minus + first + v * width);
        if constexpr (Signs)
            plus[v] = hn::LoadU(d, row.plus + first + v * width);
        if constexpr (Tangent)
            tangent[v] = hn::LoadU(d, row.tangent + first + v * width);
    }
    own.template operator()<Signs, Plus, Tangent, Vectors>(d, minus, plus, tangent);
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        hn::StoreU(minus[v], d, row.out_minus + first + v * width);
        if constexpr (Plus)
            hn::StoreU(plus[v], d, row.out_plus + first + v * width);
        if constexpr (Tangent)
            hn::StoreU(tangent[v], d, row.out_tangent + first + v * width);
    }
}

template <bool Signs, bool Plus, bool Tangent, class Real> HWY_INLINE void row_of(const HomogeneousRow<Real>& row) {
    const Tag<Real> d;
    const Homogeneous<Tag<Real>> own(row);
    by_chunks(d, row.count, [&](auto vectors, std::size_t first) TPC_INLINE {
        chunk<Signs, Plus, Tangent, decltype(vectors)::value>(d, row, own, first);
    });
}

template <bool Signs, bool Plus, class Real> HWY_INLINE void row_of(const HomogeneousRow<Real>& row) {
    row.out_tangent != nullptr ? row_of<Signs, Plus, true>(row) : row_of<Signs, Plus, false>(row);
}

template <class Real> HWY_INLINE void homogeneous_any(const HomogeneousRow<Real>& row) {
    if (row.plus != nullptr)
        row.out_plus != nullptr ? row_of<true, true>(row) : row_of<true, false>(row);
    else
        row.out_plus != nullptr ? row_of<false, true>(row) : row_of<false, false>(row);
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
