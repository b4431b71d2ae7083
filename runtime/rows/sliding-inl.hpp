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

// As linear_row on C alone, with `apart` by lane for `apply`(number of positions, position, lane, value, tangent, apart),
// all in place; false where the terms do not slide.
template <class Real, class Apply> HWY_INLINE bool sliding_row(const LinearRow<Real>& row, Real* apart, const Apply& apply) {
    Sliding<Real> sliding;
    if (!sliding.take(row))
        return false;
    using D = Tag<Real>;
    const D d;
    constexpr std::size_t piece = 64; // positions
    constexpr std::size_t longest = piece + Sliding<Real>::most_repeats;
    alignas(64) Real values[longest * lane_step<Real>], tangents[longest * lane_step<Real>];
    const std::size_t width = hn::Lanes(d);
    const auto scale = hn::Set(d, sliding.scale), slope = hn::Set(d, sliding.slope * sliding.scale);
    const auto parameters = hn::Set(d, sliding.parameters), rate = hn::Set(d, sliding.rate);
    const auto positions = static_cast<std::ptrdiff_t>(row.positions);
    for (Position at; at.sheet < static_cast<std::ptrdiff_t>(row.sheets); ++at.sheet)
        for (std::size_t lane = 0; lane < row.lanes; lane += width) {
            auto least = hn::LoadU(d, apart + lane);
            for (std::ptrdiff_t begin = 0; begin < positions; begin += static_cast<std::ptrdiff_t>(piece)) {
                const auto used = std::min(piece, static_cast<std::size_t>(positions - begin));
                at.position = begin;
                const std::size_t columns = used + sliding.repeats - 1;
                const auto add = [&](const Moving<Real> Term<Real>::*part, Real* to) TPC_INLINE {
                    const Real* from[Sliding<Real>::most_terms];
                    for (std::size_t k = 0; k < sliding.count; ++k)
                        from[k] = pointer(sliding.terms[k]->*part, at, lane);
                    const std::ptrdiff_t step = sliding.terms[0]->minus.step;
                    const auto sum = [&](auto terms) TPC_INLINE {
                        for (std::size_t p = 0; p < columns; ++p) {
                            const std::ptrdiff_t by = static_cast<std::ptrdiff_t>(p) * step;
                            auto all = hn::LoadU(d, from[0] + by);
                            for (std::size_t k = 1; k < terms; ++k)
                                all = hn::Add(all, hn::LoadU(d, from[k] + by));
                            hn::Store(all, d, to + p * width);
                        }
                    };
                    sliding.count == 3 ? sum(std::integral_constant<std::size_t, 3>()) : sum(sliding.count);
                };
                add(&Term<Real>::minus, values);
                if (sliding.moves)
                    add(&Term<Real>::tangent, tangents);
                const auto some = [&](auto count, std::size_t first) TPC_INLINE {
                    constexpr std::size_t Vectors = decltype(count)::value;
                    Vec<D> value[Vectors], tangent[Vectors], apart_of[Vectors];
                    const auto window = [&](const Real* from, std::size_t v) TPC_INLINE {
                        auto all = hn::Load(d, from + (first + v) * width);
                        for (std::size_t r = 1; r < sliding.repeats; ++r)
                            all = hn::Add(all, hn::Load(d, from + (first + v + r) * width));
                        return all;
                    };
                    TPC_UNROLL
                    for (std::size_t v = 0; v < Vectors; ++v) {
                        const auto sum = window(values, v);
                        value[v] = hn::MulAdd(scale, sum, parameters);
                        tangent[v] = hn::MulAdd(slope, sum, rate);
                        apart_of[v] = least;
                    }
                    if (sliding.moves) {
                        TPC_UNROLL
                        for (std::size_t v = 0; v < Vectors; ++v)
                            tangent[v] = hn::MulAdd(scale, window(tangents, v), tangent[v]);
                    }
                    at.position = begin + static_cast<std::ptrdiff_t>(first);
                    apply(count, at, lane, value, tangent, apart_of);
                    const std::ptrdiff_t to =
                        at.sheet * row.sheet + at.position * row.step + static_cast<std::ptrdiff_t>(lane);
                    TPC_UNROLL
                    for (std::size_t v = 0; v < Vectors; ++v) {
                        hn::StoreU(value[v], d, row.minus + to + static_cast<std::ptrdiff_t>(v) * row.step);
                        hn::StoreU(tangent[v], d, row.tangent + to + static_cast<std::ptrdiff_t>(v) * row.step);
                        least = hn::Min(least, apart_of[v]);
                    }
                };
                std::size_t first = 0;
                for (; first + most_vectors <= used; first += most_vectors)
                    some(std::integral_constant<std::size_t, most_vectors>(), first);
                for (; first < used; ++first)
                    some(std::integral_constant<std::size_t, 1>(), first);
            }
            hn::StoreU(least, d, apart + lane);
        }
    return true;
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
