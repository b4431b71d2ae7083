// Compiled once for every instruction set by Highway, which chooses among them at run time. Everything is symmetric in the
// two sides to the last bit: the kernel of (j, i) is that of (i, j).
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/rows.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/vectors-inl.hpp"

#include <algorithm>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

// Sums over coordinates for `Samples` left samples and `Vectors` vectors of lanes.
template <std::size_t Samples, std::size_t Vectors, class D, class Real = hn::TFromD<D>, class Add>
HWY_INLINE void over_coordinates(D d, const GramRow<Real>& row, const Real* left, const Real* right, Vec<D> (*sums)[Vectors],
                                 const Add& add) {
    TPC_UNROLL
    for (std::size_t s = 0; s < Samples; ++s)
        TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v)
        sums[s][v] = hn::Zero(d);
    for (std::size_t k = 0; k < row.length; ++k, right += row.right_stride) {
        Vec<D> y[Vectors];
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            y[v] = hn::LoadU(d, right + v * hn::Lanes(d));
        TPC_UNROLL
        for (std::size_t s = 0; s < Samples; ++s) {
            const auto x =
                hn::Set(d, left[static_cast<std::ptrdiff_t>(s) * row.left_sample + static_cast<std::ptrdiff_t>(k)]);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v)
                sums[s][v] = add(x, y[v], sums[s][v]);
        }
    }
}

// 2 - 2 x y.
template <std::size_t Samples, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void product_chunk(D d, const GramRow<Real>& row, const Real* left, const Real* right, std::ptrdiff_t to) {
    Vec<D> sums[Samples][Vectors];
    over_coordinates<Samples>(d, row, left, right, sums,
                              [](auto x, auto y, auto sum) TPC_INLINE { return hn::MulAdd(x, y, sum); });
    const auto two = hn::Set(d, Real(2));
    for (std::size_t s = 0; s < Samples; ++s)
        for (std::size_t v = 0; v < Vectors; ++v)
            hn::StoreU(hn::NegMulAdd(two, sums[s][v], two), d,
                       row.minus + to + static_cast<std::ptrdiff_t>(s) * row.sample +
                           static_cast<std::ptrdiff_t>(v * hn::Lanes(d)));
}

template <std::size_t Samples, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void gram_chunk(D d, const GramRow<Real>& row, const Real* left, const Real* right, std::ptrdiff_t to) {
    Vec<D> minus[Samples][Vectors];
    over_coordinates<Samples>(d, row, left, right, minus, [](auto x, auto y, auto sum) TPC_INLINE {
        const auto e = hn::Sub(x, y);
        return hn::MulAdd(e, e, sum);
    });
    const auto four = hn::Set(d, Real(4));
    const auto close = hn::Set(d, Real(0.125));
    for (std::size_t s = 0; s < Samples; ++s) {
        Vec<D> plus[Vectors];
        auto least = four;
        for (std::size_t v = 0; v < Vectors; ++v) {
            plus[v] = hn::Sub(four, minus[s][v]);
            least = hn::Min(least, plus[v]);
        }
        if (!hn::AllFalse(d, hn::Lt(least, close))) { // nearly opposite: counted from the other end, there and only there
            Vec<D> opposite[1][Vectors];
            over_coordinates<1>(d, row, left + static_cast<std::ptrdiff_t>(s) * row.left_sample, right, opposite,
                                [](auto x, auto y, auto sum) TPC_INLINE {
                                    const auto e = hn::Add(x, y);
                                    return hn::MulAdd(e, e, sum);
                                });
            for (std::size_t v = 0; v < Vectors; ++v)
                plus[v] = hn::IfThenElse(hn::Lt(plus[v], close), opposite[0][v], plus[v]);
        }
        for (std::size_t v = 0; v < Vectors; ++v) {
            const std::ptrdiff_t at =
                to + static_cast<std::ptrdiff_t>(s) * row.sample + static_cast<std::ptrdiff_t>(v * hn::Lanes(d));
            hn::StoreU(minus[s][v], d, row.minus + at);
            hn::StoreU(plus[v], d, row.plus + at);
        }
    }
}

template <std::size_t Samples, class Real> HWY_INLINE void gram_of(const GramRow<Real>& row, std::ptrdiff_t first) {
    const Tag<Real> d;
    const std::size_t width = hn::Lanes(d);
    for (std::ptrdiff_t position = 0; position < static_cast<std::ptrdiff_t>(row.positions); ++position) {
        const Real* const left = row.left + position * row.left_step + first * row.left_sample;
        const Real* const right = row.right + position * row.right_step;
        const auto chunk = [&](auto vectors, std::size_t lane) TPC_INLINE {
            constexpr std::size_t Vectors = decltype(vectors)::value;
            const std::ptrdiff_t to = position * row.step + first * row.sample + static_cast<std::ptrdiff_t>(lane);
            row.plus != nullptr ? gram_chunk<Samples, Vectors>(d, row, left, right + lane, to)
                                : product_chunk<Samples, Vectors>(d, row, left, right + lane, to);
        };
        std::size_t lane = 0;
        constexpr std::size_t some = Samples == 1 ? 4 : most_vectors;
        for (; lane + some * width <= row.lanes; lane += some * width)
            chunk(std::integral_constant<std::size_t, some>(), lane);
        for (; lane < row.lanes; lane += width)
            chunk(std::integral_constant<std::size_t, 1>(), lane);
    }
}
template <class Real> HWY_INLINE void gram_any(const GramRow<Real>& row) {
    std::size_t first = 0;
    for (; first + most_samples <= row.samples; first += most_samples)
        gram_of<most_samples>(row, static_cast<std::ptrdiff_t>(first));
    for (; first < row.samples; ++first)
        gram_of<1>(row, static_cast<std::ptrdiff_t>(first));
}

// runtime/gaussian/series.cpp for one function, divided by the norms: with r = |rho|, t = 1 - r,
//   E[(phi(a) - phi(b))^2] = sum_k (x_k - y_k)^2 + 2 x_k y_k (1 - r^k)   for rho >= 0, the odd terms reflected for rho < 0.
template <class Real> HWY_INLINE void series_any(const SeriesRow<Real>& row) {
    const Tag<Real> d;
    const std::size_t width = hn::Lanes(d);
    const auto zero = hn::Zero(d);
    const auto one = hn::Set(d, Real(1));
    const auto two = hn::Set(d, Real(2));
    const auto four = hn::Set(d, Real(4));
    const auto half = hn::Set(d, Real(0.5));
    const bool slopes = row.out_tangent != nullptr;
    const auto nothing = hn::Set(d, std::numeric_limits<Real>::epsilon() / 16);
    for (std::size_t lane = 0; lane < row.lanes; lane += width) {
        const auto minus = hn::Max(hn::LoadU(d, row.minus + lane), zero);
        const auto plus = hn::Max(row.plus != nullptr ? hn::LoadU(d, row.plus + lane) : hn::Sub(four, minus), zero);
        const auto positive = hn::Le(minus, plus);
        const auto t = hn::Mul(half, hn::Min(hn::Min(minus, plus), two));
        const auto r = hn::Sub(one, t);
        const auto square = hn::Mul(r, r);
        const auto lost_square = hn::Mul(t, hn::Add(one, r)); // 1 - r^2
        // parity 0: powers 1, r^2 ...; parity 1: r, r^3 ... Where r^k is nothing the rest of the gap is what is left of the
        // squares, x^2 + y^2.
        const auto place = [](bool all, std::size_t k) { return all ? k : k / 2; };
        const bool all_values = row.even && row.odd, all_slopes = row.slope_even && row.slope_odd;
        const auto sum = [&](std::size_t parity, bool values, bool derivatives, auto& gap, auto& squares, auto& slope) {
            auto power = parity == 0 ? one : r;
            auto lost = parity == 0 ? zero : t;
            auto done = zero;
            std::size_t k = parity;
            while (k < row.terms && !hn::AllTrue(d, hn::Lt(power, nothing))) {
                for (const std::size_t stop = std::min(row.terms, k + 16); k < stop; k += 2) {
                    if (values) {
                        const std::size_t at = place(all_values, k);
                        const auto a = hn::Set(d, row.left_values[at]);
                        const auto b = hn::LoadU(d, row.right_values + lane + at * row.right_stride);
                        const auto e = hn::Sub(a, b);
                        const auto ab = hn::Mul(a, b);
                        const auto twice = hn::Add(ab, ab);
                        const auto apart = hn::Mul(e, e);
                        gap = hn::Add(gap, hn::MulAdd(twice, lost, apart));
                        done = hn::Add(done, hn::Add(apart, twice)); // a^2 + b^2
                    }
                    if (derivatives) {
                        const std::size_t at = place(all_slopes, k);
                        const auto b = hn::LoadU(d, row.right_slopes + lane + at * row.right_stride);
                        slope = hn::MulAdd(hn::Mul(hn::Set(d, row.left_slopes[at]), b), power, slope);
                    }
                    lost = hn::MulAdd(power, lost_square, lost);
                    power = hn::Mul(power, square);
                }
                power = hn::IfThenElseZero(hn::Le(nothing, power), power); // no denormal numbers where other lanes go on
            }
            if (values) {
                squares = hn::Add(hn::Set(d, row.left_squares[parity]),
                                  hn::LoadU(d, row.right_squares + parity * row.right_stride + lane));
                if (k < row.terms)
                    gap = hn::Add(gap, hn::Max(hn::Sub(squares, done), zero));
            }
        };
        auto even_gap = zero, odd_gap = zero, even_squares = zero, odd_squares = zero, even_slope = zero, odd_slope = zero;
        if (row.even || (slopes && row.slope_even))
            sum(0, row.even, slopes && row.slope_even, even_gap, even_squares, even_slope);
        if (row.odd || (slopes && row.slope_odd))
            sum(1, row.odd, slopes && row.slope_odd, odd_gap, odd_squares, odd_slope);
        // (x + y)^2 - 2 x y (1 - r^k) = 2 x^2 + 2 y^2 - ((x - y)^2 + 2 x y (1 - r^k))
        const auto odd_far = hn::MulSub(two, odd_squares, odd_gap);
        const auto even_far = hn::MulSub(two, even_squares, even_gap);
        const auto same = hn::Add(even_gap, odd_gap);
        const auto none = hn::Add(even_gap, odd_far);
        hn::StoreU(hn::IfThenElse(positive, same, none), d, row.out_minus + lane);
        if (row.out_plus != nullptr)
            hn::StoreU(hn::IfThenElse(positive, hn::Add(even_far, odd_far), hn::Add(even_far, odd_gap)), d,
                       row.out_plus + lane);
        if (slopes) {
            const auto slope = hn::Add(even_slope, hn::IfThenElse(positive, odd_slope, hn::Neg(odd_slope)));
            hn::StoreU(hn::Mul(hn::LoadU(d, row.tangent + lane), slope), d, row.out_tangent + lane);
        }
    }
}

void gram_f32(const GramRow<float>& row) {
    gram_any(row);
}
void gram_f64(const GramRow<double>& row) {
    gram_any(row);
}
void series_f32(const SeriesRow<float>& row) {
    series_any(row);
}
void series_f64(const SeriesRow<double>& row) {
    series_any(row);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(gram_f32);
HWY_EXPORT(gram_f64);
HWY_EXPORT(series_f32);
HWY_EXPORT(series_f64);

template <> void gram(const GramRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(gram_f32)(row);
}
template <> void gram(const GramRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(gram_f64)(row);
}
template <> void series(const SeriesRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(series_f32)(row);
}
template <> void series(const SeriesRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(series_f64)(row);
}

const char* instruction_set() {
    return hwy::TargetName(hwy::SupportedTargets() & -hwy::SupportedTargets());
}

} // namespace tpc::rows
#endif
