// Dual kernels of p0 + p3 S(z) by rows.
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/arcsine.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/arcsine-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

template <bool Signs, bool Plus, bool Tangent, class Real> HWY_INLINE void row_of(const ArcsineRow<Real>& row) {
    const Tag<Real> d;
    const std::size_t width = hn::Lanes(d);
    const Arcsine<Tag<Real>> own{row};
    by_chunks<2>(d, row.lanes, [&](auto vectors, std::size_t lane) TPC_INLINE {
        constexpr std::size_t Vectors = decltype(vectors)::value;
        Vec<Tag<Real>> minus[Vectors], plus[Vectors], tangent[Vectors];
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            minus[v] = hn::LoadU(d, row.minus + lane + v * width);
            if constexpr (Signs)
                plus[v] = hn::LoadU(d, row.plus + lane + v * width);
            if constexpr (Tangent)
                tangent[v] = hn::LoadU(d, row.tangent + lane + v * width);
        }
        own.template operator()<Signs, Plus, Tangent, Vectors>(d, row.left, row.right + lane, minus, plus, tangent);
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            hn::StoreU(minus[v], d, row.out_minus + lane + v * width);
            if constexpr (Plus)
                hn::StoreU(plus[v], d, row.out_plus + lane + v * width);
            if constexpr (Tangent)
                hn::StoreU(tangent[v], d, row.out_tangent + lane + v * width);
        }
    });
}

template <bool Signs, bool Plus, class Real> HWY_INLINE void row_of(const ArcsineRow<Real>& row) {
    row.out_tangent != nullptr ? row_of<Signs, Plus, true>(row) : row_of<Signs, Plus, false>(row);
}

template <class Real> HWY_INLINE void arcsine_any(const ArcsineRow<Real>& row) {
    if (row.plus != nullptr)
        row.out_plus != nullptr ? row_of<true, true>(row) : row_of<true, false>(row);
    else
        row.out_plus != nullptr ? row_of<false, true>(row) : row_of<false, false>(row);
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
