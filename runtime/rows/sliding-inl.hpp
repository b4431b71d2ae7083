// Sums whose repetitions move as positions do (a uniform sum over a product of offsets, one of which shifts the row): with
//   column[p] = sum over the terms at p,   sum[p] = column[p] + ... + column[p + repeats - 1],
// so that a window of 3 x 3 is 3 + 3 loads of C and of T instead of 9. For every instruction set.
#if defined(TPC_RUNTIME_ROWS_SLIDING_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TPC_RUNTIME_ROWS_SLIDING_INL
#undef TPC_RUNTIME_ROWS_SLIDING_INL
#else
#define TPC_RUNTIME_ROWS_SLIDING_INL
#endif

#include "runtime/rows/linear-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

// Entries that are C itself, of one scale and rate, in windows of one length.
template <class Real> struct Sliding {
    static constexpr std::size_t most_terms = 8, most_repeats = 8;
    const Term<Real>* terms[most_terms];
    std::size_t count = 0, repeats = 0;
    bool moves = false;
    Real scale = 1, slope = 0;     // T is scale (T + slope C) of the entries
    Real parameters = 0, rate = 0; // what constants add

    [[nodiscard]] HWY_INLINE bool take(const LinearRow<Real>& row) {
        if (row.positions < 2 || row.left_factor.data != nullptr || row.right_factor.data != nullptr)
            return false;
        for (std::size_t k = 0; k < row.count; ++k) {
            const Term<Real>& term = row.terms[k];
            if (term.left_factor.data != nullptr || term.right_factor.data != nullptr || term.scale == Real(0))
                return false;
            const Real factor = term.left * term.right;
            if (term.minus.data == nullptr) {
                if (term.tangent.data != nullptr || term.left_norm.data != nullptr || term.right_norm.data != nullptr)
                    return false;
                parameters += static_cast<Real>(term.repeats) * factor * term.scale;
                rate += static_cast<Real>(term.repeats) * factor * term.rate;
                continue;
            }
            const auto slides = [&](const Moving<Real>& m) {
                return m.data == nullptr || (m.again == m.step && m.step == term.minus.step);
            };
            if (!term.value || term.repeats < 2 || !slides(term.minus) || !slides(term.tangent) || count == most_terms ||
                term.repeats > most_repeats)
                return false;
            const bool own_moves = term.tangent.data != nullptr;
            const Real own_scale = factor * term.scale, own_slope = term.rate / term.scale;
            if (count > 0 && (own_scale != scale || own_slope != slope || own_moves != moves || term.repeats != repeats))
                return false;
            scale = own_scale;
            slope = own_slope;
            moves = own_moves;
            repeats = term.repeats;
            terms[count++] = &term;
        }
        return count > 0;
    }
};

// column[p], by vectors side by side. Terms: 0 for any number.
template <std::size_t Terms, class D, class Real = hn::TFromD<D>>
HWY_INLINE void columns_of(D d, const Real* const* from, std::size_t terms, std::ptrdiff_t step, std::size_t columns,
                           Real* to) {
    const std::size_t width = hn::Lanes(d);
    const Real* const first = from[0];
    if constexpr (Terms == 3) {
        const Real* const second = from[1];
        const Real* const third = from[2];
        for (std::size_t p = 0; p < columns; ++p) {
            const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(p) * step;
            hn::Store(hn::Add(hn::Add(hn::LoadU(d, first + at), hn::LoadU(d, second + at)), hn::LoadU(d, third + at)), d,
                      to + p * width);
        }
    } else {
        for (std::size_t p = 0; p < columns; ++p) {
            const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(p) * step;
            auto all = hn::LoadU(d, first + at);
            for (std::size_t k = 1; k < terms; ++k)
                all = hn::Add(all, hn::LoadU(d, from[k] + at));
            hn::Store(all, d, to + p * width);
        }
    }
}

// sum[p] of as many positions as there are vectors; loads of columns that windows share are made once.
template <std::size_t Vectors, std::size_t Repeats, class D, class Real = hn::TFromD<D>>
HWY_INLINE void windows_of(D d, const Real* columns, std::size_t repeats, Vec<D>* sum) {
    const std::size_t width = hn::Lanes(d);
    if constexpr (Repeats == 3 && Vectors % 2 == 0) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; v += 2) {
            const auto both = hn::Add(hn::Load(d, columns + (v + 1) * width), hn::Load(d, columns + (v + 2) * width));
            sum[v] = hn::Add(hn::Load(d, columns + v * width), both);
            sum[v + 1] = hn::Add(both, hn::Load(d, columns + (v + 3) * width));
        }
    } else {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            sum[v] = hn::Load(d, columns + v * width);
        for (std::size_t r = 1; r < repeats; ++r) {
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v)
                sum[v] = hn::Add(sum[v], hn::Load(d, columns + (v + r) * width));
        }
    }
}

// C and T of the row's sums on C alone, without its own factors, for `apply`(position, lane, count, values, tangents) in
// pieces of `count` positions of one vector of lanes, vectors side by side; false where the terms do not slide.
template <class Real, class Apply> HWY_INLINE bool sliding_row(const LinearRow<Real>& row, const Apply& apply) {
    Sliding<Real> sliding;
    if (!sliding.take(row))
        return false;
    using D = Tag<Real>;
    const D d;
    constexpr std::size_t piece = 64; // positions
    constexpr std::size_t longest = piece + Sliding<Real>::most_repeats;
    alignas(64) Real values[longest * lane_step<Real>], tangents[longest * lane_step<Real>];
    const std::size_t width = hn::Lanes(d);
    const auto positions = static_cast<std::ptrdiff_t>(row.positions);
    const std::ptrdiff_t step = sliding.terms[0]->minus.step;
    const auto columns = [&](const Moving<Real> Term<Real>::*part, Position at, std::size_t lane, std::size_t count,
                             Real* to) TPC_INLINE {
        const Real* from[Sliding<Real>::most_terms];
        for (std::size_t k = 0; k < sliding.count; ++k)
            from[k] = pointer(sliding.terms[k]->*part, at, lane);
        sliding.count == 3 ? columns_of<3>(d, from, 3, step, count, to)
                           : columns_of<0>(d, from, sliding.count, step, count, to);
    };
    const auto windows = [&](auto known, std::size_t used) TPC_INLINE { // in place: what is written is read no more
        constexpr std::size_t Repeats = decltype(known)::value;
        const auto scale = hn::Set(d, sliding.scale), slope = hn::Set(d, sliding.slope * sliding.scale);
        const auto parameters = hn::Set(d, sliding.parameters), rate = hn::Set(d, sliding.rate);
        const std::size_t repeats = sliding.repeats;
        const bool moves = sliding.moves;
        const auto some = [&](auto count, std::size_t first) TPC_INLINE {
            constexpr std::size_t Vectors = decltype(count)::value;
            Vec<D> value[Vectors], tangent[Vectors];
            windows_of<Vectors, Repeats>(d, values + first * width, repeats, value);
            if (moves)
                windows_of<Vectors, Repeats>(d, tangents + first * width, repeats, tangent);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                auto own = hn::MulAdd(slope, value[v], rate);
                if (moves)
                    own = hn::MulAdd(scale, tangent[v], own);
                hn::Store(own, d, tangents + (first + v) * width);
                hn::Store(hn::MulAdd(scale, value[v], parameters), d, values + (first + v) * width);
            }
        };
        std::size_t first = 0;
        for (; first + 2 <= used; first += 2)
            some(std::integral_constant<std::size_t, 2>(), first);
        for (; first < used; ++first)
            some(std::integral_constant<std::size_t, 1>(), first);
    };
    for (Position at; at.sheet < static_cast<std::ptrdiff_t>(row.sheets); ++at.sheet)
        for (std::size_t lane = 0; lane < row.lanes; lane += width)
            for (at.position = 0; at.position < positions; at.position += static_cast<std::ptrdiff_t>(piece)) {
                const auto used = std::min(piece, static_cast<std::size_t>(positions - at.position));
                const std::size_t count = used + sliding.repeats - 1;
                columns(&Term<Real>::minus, at, lane, count, values);
                if (sliding.moves)
                    columns(&Term<Real>::tangent, at, lane, count, tangents);
                sliding.repeats == 3 ? windows(std::integral_constant<std::size_t, 3>(), used)
                                     : windows(std::integral_constant<std::size_t, 0>(), used);
                apply(at, lane, used, values, tangents);
            }
    return true;
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
