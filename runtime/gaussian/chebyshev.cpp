#include "runtime/gaussian/chebyshev.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/gaussian/chebyshev.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

#include <algorithm>

HWY_BEFORE_NAMESPACE();
namespace tpc::gaussian {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// T_{c+1} = 2 x T_c - T_{c-1}
void sums(const ChebyshevRows& rows, const double* places, Abreast* result) {
    constexpr std::size_t together = ChebyshevRows::together;
    const hn::CappedTag<double, side_by_side> d;
    using Vec = hn::Vec<decltype(d)>;
    for (std::size_t lane = 0; lane < side_by_side; lane += hn::Lanes(d)) {
        Vec polynomials[ChebyshevRows::most_nodes];
        const auto x = hn::LoadU(d, places + lane);
        polynomials[0] = hn::Set(d, 1.0);
        polynomials[1] = x;
        for (std::size_t c = 2; c < ChebyshevRows::most_nodes; ++c)
            polynomials[c] = hn::MulSub(hn::Add(x, x), polynomials[c - 1], polynomials[c - 2]);
        for (const ChebyshevRows::Group& group : rows.groups) {
            Vec sum[together];
            for (std::size_t r = 0; r < together; ++r)
                sum[r] = hn::Zero(d);
            const double* own = group.coefficients.data();
            for (std::size_t c = 0; c < group.nodes; ++c, own += together)
                for (std::size_t r = 0; r < together; ++r)
                    sum[r] = hn::MulAdd(hn::Set(d, own[r]), polynomials[c], sum[r]);
            for (std::size_t r = together; r-- > 0;) // what fills a group up comes first
                hn::StoreU(sum[r], d, result[group.rows[r]].data() + lane);
        }
    }
}

} // namespace HWY_NAMESPACE
} // namespace tpc::gaussian
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::gaussian {

void ChebyshevRows::add(std::size_t row, const double* coefficients, std::size_t count) {
    if (last_ == together) {
        groups.emplace_back().rows.fill(row);
        last_ = 0;
    }
    Group& group = groups.back();
    group.nodes = std::max(group.nodes, count);
    group.rows[last_] = row;
    for (std::size_t c = 0; c < count; ++c)
        group.coefficients[c * together + last_] = coefficients[c];
    ++last_;
}

HWY_EXPORT(sums);

void chebyshev_sums(const ChebyshevRows& rows, const Abreast& places, Abreast* result) {
    HWY_DYNAMIC_DISPATCH(sums)(rows, places.data(), result);
}

} // namespace tpc::gaussian
#endif
