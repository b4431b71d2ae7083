#include "runtime/rows/value_series.hpp"

#include "runtime/gaussian/dual.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/value_series.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/linear-inl.hpp"

#include <algorithm>
#include <array>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

constexpr auto quotients = [] { // 1 / (k + 1)
    std::array<double, most_of_series> all{};
    for (std::size_t k = 0; k < all.size(); ++k)
        all[k] = 1 / static_cast<double>(k + 1);
    return all;
}();

// By Horner's rule, block by block, from the last block that any of the lanes needs: a lane that does not need it enters the
// block before with nothing, so that its numbers do not depend on the other lanes.
void value_series(const LinearRow<double>& given, const ValueSeries& dual, double* apart) {
    constexpr std::size_t block = gaussian::series_block;
    const ValueSeries own = dual; // which nothing that is written can alias
    const std::size_t step = own.even && own.odd ? 1 : 2;
    const std::size_t power = own.even ? 0 : 1; // of the first term
    const std::size_t blocks = (own.terms + block - 1) / block;
    linear_row<false, false, false, true, false>(
        given, [&](auto count, Position at, std::size_t lane, auto* value, auto*, auto* tangent) TPC_INLINE {
            constexpr std::size_t Vectors = decltype(count)::value;
            const Tag<double> d;
            const std::size_t width = hn::Lanes(d);
            const auto set = [&](double number) { return hn::Set(d, number); };
            const double* const left = own.left + at.sheet * own.left_sheet + at.position * own.left_step;
            const double* const right = own.right + at.sheet * own.right_sheet + at.position * own.right_step + lane;
            const auto product = [&](std::size_t k, std::size_t v) { // of the two sides: the same from either
                return hn::Mul(set(left[k]), hn::LoadU(d, right + k * own.right_stride + v * width));
            };
            const auto zero = hn::Zero(d);
            Vec<Tag<double>> rho[Vectors], size[Vectors], x[Vectors], entered[Vectors], slope[Vectors], sum[Vectors];
            auto largest = zero;
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                rho[v] = hn::Mul(product(SeriesNumbers::inverse, v), value[v]);
                size[v] = hn::Abs(rho[v]);
                double* const to = apart + lane + v * width;
                hn::StoreU(hn::Min(hn::LoadU(d, to), hn::Sub(set(1 - least_apart / 2), size[v])), d, to);
                x[v] = step == 2 ? hn::Mul(rho[v], rho[v]) : rho[v];
                // what has lost digits is computed once more, and numbers may be none
                largest = hn::Max(largest, hn::IfThenElseZero(hn::Le(size[v], set(1 - least_apart / 2)), size[v]));
                slope[v] = sum[v] = entered[v] = zero;
            }
            const double most = hn::GetLane(hn::MaxOfLanes(d, largest));
            std::size_t last = 0;
            while (last + 1 < blocks && most > own.reach[last])
                ++last;
            for (std::size_t b = last + 1; b-- > 0;) {
                for (std::size_t k = std::min(own.terms, (b + 1) * block); k-- > b * block;) {
                    const auto quotient = set(quotients[power + step * k]);
                    TPC_UNROLL
                    for (std::size_t v = 0; v < Vectors; ++v) {
                        const auto term = product(SeriesNumbers::count + k, v);
                        slope[v] = hn::MulAdd(slope[v], entered[v], term);
                        sum[v] = hn::MulAdd(sum[v], entered[v], hn::Mul(term, quotient));
                        entered[v] = x[v];
                    }
                }
                if (b == 0)
                    break;
                TPC_UNROLL
                for (std::size_t v = 0; v < Vectors; ++v)
                    entered[v] = hn::IfThenElseZero(hn::Lt(set(own.reach[b - 1]), size[v]), x[v]);
            }
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                const auto scale = hn::Mul(product(SeriesNumbers::deviation, v), power == 0 ? rho[v] : x[v]);
                value[v] = hn::MulAdd(scale, sum[v], product(SeriesNumbers::first, v));
                tangent[v] = hn::Mul(tangent[v], power == 0 ? slope[v] : hn::Mul(rho[v], slope[v]));
            }
        });
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(value_series);

void value_of_sum(const LinearRow<double>& row, const ValueSeries& dual, double* apart) {
    HWY_DYNAMIC_DISPATCH(value_series)(row, dual, apart);
}

} // namespace tpc::rows
#endif
