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
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Steps of loops over vectors stand side by side, and what is in registers stays there, only in one piece.
#undef TPC_INLINE
#define TPC_INLINE __attribute__((always_inline))
#undef TPC_UNROLL
#define TPC_UNROLL _Pragma("GCC unroll 8")

// All rows hold multiples of lane_step numbers, so a vector may be as long as that.
template <class Real> using Tag = hn::CappedTag<Real, lane_step<Real>>;
template <class D> using Vec = hn::Vec<D>;

// sum_k c[k] x^k for some vectors side by side, in powers of x^2: short chains, whose operations do not wait for one
// another.
template <std::size_t Vectors, class D, std::size_t N, class Real = hn::TFromD<D>>
HWY_INLINE void polynomials_at(D d, const std::array<Real, N>& c, const Vec<D>* x, Vec<D>* result) {
    static_assert(N >= 3);
    constexpr std::size_t last_even = (N - 1) / 2 * 2, last_odd = (N - 2) / 2 * 2 + 1;
    Vec<D> square[Vectors], odd[Vectors];
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        square[v] = hn::Mul(x[v], x[v]);
        result[v] = hn::MulAdd(hn::Set(d, c[last_even]), square[v], hn::Set(d, c[last_even - 2]));
        odd[v] = hn::Set(d, c[last_odd]);
    }
    for (std::size_t k = last_odd; k > 1; k -= 2) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            odd[v] = hn::MulAdd(odd[v], square[v], hn::Set(d, c[k - 2]));
    }
    for (std::size_t k = last_even - 2; k > 0; k -= 2) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            result[v] = hn::MulAdd(result[v], square[v], hn::Set(d, c[k - 2]));
    }
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v)
        result[v] = hn::MulAdd(odd[v], x[v], result[v]);
}
template <class D, std::size_t N, class Real = hn::TFromD<D>>
HWY_INLINE Vec<D> polynomial(D d, const std::array<Real, N>& c, Vec<D> x) {
    Vec<D> result[1];
    polynomials_at<1>(d, c, &x, result);
    return result[0];
}

// 1 / sqrt(x) of normal numbers x > 0, to an ulp or two: with the error e = 1 - x y^2 of what the processor looks up, 2^-13,
//   1 / sqrt(x) = y (1 + e/2 + 3/8 e^2 + 5/16 e^3 + 35/128 e^4 ...)
// in a quarter of the time of a root and a division.
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<double> nearly_inverse_root(hn::Vec512<double> x) {
    return hn::Vec512<double>{_mm512_rsqrt14_pd(x.raw)};
}
HWY_INLINE hn::Vec512<float> nearly_inverse_root(hn::Vec512<float> x) {
    return hn::Vec512<float>{_mm512_rsqrt14_ps(x.raw)};
}
#endif
template <class D, class Real = hn::TFromD<D>> HWY_INLINE Vec<D> inverse_root(D d, Vec<D> x) {
#if HWY_TARGET <= HWY_AVX3
    const auto y = nearly_inverse_root(x);
    const auto e = hn::NegMulAdd(hn::Mul(x, y), y, hn::Set(d, Real(1)));
    auto series = hn::Set(d, Real(0.375));
    if constexpr (sizeof(Real) == 8)
        series = hn::MulAdd(hn::MulAdd(hn::Set(d, Real(35.0 / 128)), e, hn::Set(d, Real(0.3125))), e, series);
    series = hn::MulAdd(series, e, hn::Set(d, Real(0.5)));
    return hn::MulAdd(hn::Mul(y, e), series, y);
#else
    return hn::Div(hn::Set(d, Real(1)), hn::Sqrt(x));
#endif
}

// `run`(number of vectors, lane) for all lanes: as many vectors at once as the registers hold the steps of.
constexpr std::size_t most_vectors = HWY_TARGET <= HWY_AVX3 ? 4 : 2;
template <std::size_t Most = most_vectors, class D, class Run>
HWY_INLINE void by_chunks(D d, std::size_t lanes, const Run& run) {
    const std::size_t width = hn::Lanes(d);
    std::size_t lane = 0;
    if constexpr (Most >= 4)
        for (; lane + 4 * width <= lanes; lane += 4 * width)
            run(std::integral_constant<std::size_t, 4>(), lane);
    for (; lane + 2 * width <= lanes; lane += 2 * width)
        run(std::integral_constant<std::size_t, 2>(), lane);
    for (; lane < lanes; lane += width)
        run(std::integral_constant<std::size_t, 1>(), lane);
}

// What a dual kernel's row has and gives. Signs: C may be negative, and `plus` is there; Plus: it is wanted.
template <bool Signs, bool Plus, bool Tangent> struct Wants {
    static constexpr bool signs = Signs, plus = Plus, tangent = Tangent;
};

// `apply`(Wants, number of vectors, first lane, minus, plus, tangent), in place, on `count` lanes of the row.
template <std::size_t Most, class Row, class Apply>
HWY_INLINE void dual_row(const Row& row, std::size_t count, const Apply& apply) {
    using Real = std::remove_cvref_t<decltype(*row.minus)>;
    const Tag<Real> d;
    const std::size_t width = hn::Lanes(d);
    const auto run = [&](auto wants) TPC_INLINE {
        using W = decltype(wants);
        by_chunks<Most>(d, count, [&](auto vectors, std::size_t first) TPC_INLINE {
            constexpr std::size_t Vectors = decltype(vectors)::value;
            Vec<Tag<Real>> minus[Vectors], plus[Vectors], tangent[Vectors];
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                minus[v] = hn::LoadU(d, row.minus + first + v * width);
                if constexpr (W::signs)
                    plus[v] = hn::LoadU(d, row.plus + first + v * width);
                if constexpr (W::tangent)
                    tangent[v] = hn::LoadU(d, row.tangent + first + v * width);
            }
            apply(wants, vectors, first, minus, plus, tangent);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                hn::StoreU(minus[v], d, row.out_minus + first + v * width);
                if constexpr (W::plus)
                    hn::StoreU(plus[v], d, row.out_plus + first + v * width);
                if constexpr (W::tangent)
                    hn::StoreU(tangent[v], d, row.out_tangent + first + v * width);
            }
        });
    };
    const auto with = [&](auto signs, auto plus) TPC_INLINE {
        constexpr bool Signs = decltype(signs)::value, Plus = decltype(plus)::value;
        row.out_tangent != nullptr ? run(Wants<Signs, Plus, true>()) : run(Wants<Signs, Plus, false>());
    };
    if (row.plus != nullptr)
        row.out_plus != nullptr ? with(std::true_type(), std::true_type()) : with(std::true_type(), std::false_type());
    else
        row.out_plus != nullptr ? with(std::false_type(), std::true_type()) : with(std::false_type(), std::false_type());
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
