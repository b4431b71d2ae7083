// What the row operations share, once for every instruction set: see <hwy/foreach_target.h>.
#if defined(TPC_RUNTIME_ROWS_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TPC_RUNTIME_ROWS_VECTORS_INL
#undef TPC_RUNTIME_ROWS_VECTORS_INL
#else
#define TPC_RUNTIME_ROWS_VECTORS_INL
#endif

#include "runtime/rows/rows.hpp"

#include <hwy/highway.h>

#include <array>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// All rows hold multiples of lane_step numbers, so a vector may be as long as that.
template <class Real> using Tag = hn::CappedTag<Real, lane_step>;
template <class D> using Vec = hn::Vec<D>;

// Estrin's scheme by pairs: two short chains instead of a long one.
template <class D, std::size_t N, class Real = hn::TFromD<D>>
HWY_INLINE Vec<D> polynomial(D d, const std::array<Real, N>& c, Vec<D> x) {
    const auto square = hn::Mul(x, x);
    auto even = hn::Set(d, c[(N - 1) / 2 * 2]);
    for (std::size_t k = (N - 1) / 2; k-- > 0;)
        even = hn::MulAdd(even, square, hn::Set(d, c[2 * k]));
    if constexpr (N < 2)
        return even;
    auto odd = hn::Set(d, c[(N - 2) / 2 * 2 + 1]);
    for (std::size_t k = (N - 2) / 2; k-- > 0;)
        odd = hn::MulAdd(odd, square, hn::Set(d, c[2 * k + 1]));
    return hn::MulAdd(odd, x, even);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
