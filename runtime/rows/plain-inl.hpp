// What most rows are made of, for every instruction set: terms of two elements x y without factors of their own, in groups
// whose addresses move alike, so that loops over them ask nothing and keep all sums in registers.
#if defined(TPC_RUNTIME_ROWS_PLAIN_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TPC_RUNTIME_ROWS_PLAIN_INL
#undef TPC_RUNTIME_ROWS_PLAIN_INL
#else
#define TPC_RUNTIME_ROWS_PLAIN_INL
#endif

#include "runtime/rows/vectors-inl.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

// Where the numbers of a term are at the position at hand, or how that moves: all of them at once.
struct At {
    enum : std::size_t { minus, plus, tangent, left_norm, left_factor, right_norm, right_factor, count = 8 };
};
HWY_INLINE void move(const auto** from, const std::ptrdiff_t* by) {
    for (std::size_t k = 0; k < At::count; ++k)
        from[k] += by[k];
}

// Sums over the terms for `Vectors` vectors of lanes at one position, of one scale; a is the norm of the left element that
// is written, w = |l x r y|.
template <class D, std::size_t Vectors> struct Sums {
    Vec<D> size[Vectors];  // w, or C
    Vec<D> minus[Vectors]; // w minus
    Vec<D> plus[Vectors];  // w plus
    Vec<D> apart[Vectors]; // (a e)^2
    Vec<D> tangent[Vectors];
};

template <class Real> struct PlainTerm {
    alignas(64) const Real* at[At::count]; // moved all at once
};
template <class Real> struct PlainGroup {
    bool value;  // C itself
    bool stored; // `plus` is there, and wanted
    bool moves;  // `tangent` is there, and wanted
    Real scale;
    Real slope;      // T of each is scale (T(x, y) + slope C(x, y))
    std::size_t end; // of its terms
    std::ptrdiff_t step[At::count], sheet[At::count];
};

// Repetitions are terms of their own here.
template <class Real> class PlainTerms {
  public:
    PlainTerm<Real> terms[32];
    PlainGroup<Real> groups[4];
    std::size_t count = 0;         // of groups
    Real parameters = 0, rate = 0; // x = y = 1 and no gap: sums of scale and of rate
    // What the sums come out in.
    [[nodiscard]] HWY_INLINE Real scale() const { return count > 0 ? groups[count - 1].scale : Real(1); }
    [[nodiscard]] HWY_INLINE Real slope() const { return count > 0 ? groups[count - 1].slope : Real(0); }

    // False when the term is of another kind. With gaps, one factor on both sides is one of the scale.
    HWY_INLINE bool take(const Term<Real>& term, bool gap, bool plus, bool tangent) {
        if (term.left_factor.data != nullptr || term.right_factor.data != nullptr ||
            (gap && (term.value || term.left != term.right)))
            return false;
        const Real factor = term.left * term.right;
        if (term.minus.data == nullptr) {
            if (term.value || term.plus.data != nullptr || term.tangent.data != nullptr || term.left_norm.data != nullptr ||
                term.right_norm.data != nullptr)
                return false;
            parameters += static_cast<Real>(term.repeats) * factor * term.scale;
            rate += static_cast<Real>(term.repeats) * factor * term.rate;
            return true;
        }
        PlainGroup<Real> own{};
        own.value = term.value;
        own.stored = plus && term.plus.data != nullptr;
        own.moves = tangent && term.tangent.data != nullptr;
        own.scale = factor * term.scale;
        if ((!term.value && (term.left_norm.data == nullptr || term.right_norm.data == nullptr)) ||
            (own.stored && !together(term.plus, term.minus)) || (own.moves && !together(term.tangent, term.minus)) ||
            own.scale == Real(0))
            return false;
        own.slope = tangent ? term.rate / term.scale : Real(0);
        if (count > 0 && std::abs(own.slope - slope()) <= 2 * std::numeric_limits<Real>::epsilon() * std::abs(slope()))
            own.slope = slope();
        const auto set = [&](std::size_t k, const Moving<Real>& m) {
            own.step[k] = m.step;
            own.sheet[k] = m.sheet;
        };
        set(At::minus, term.minus);
        if (own.stored)
            set(At::plus, term.minus);
        if (own.moves)
            set(At::tangent, term.minus);
        if (!own.value) {
            set(At::left_norm, term.left_norm);
            set(At::right_norm, term.right_norm);
        }
        const std::size_t used = count == 0 ? 0 : groups[count - 1].end;
        if (used + term.repeats > std::size(terms))
            return false;
        if (count == 0 || !fits(groups[count - 1], own)) {
            if (count == std::size(groups))
                return false;
            groups[count++] = own;
        }
        const auto at = [](const Moving<Real>& m, std::size_t again) {
            return m.data + static_cast<std::ptrdiff_t>(again) * m.again;
        };
        for (std::size_t again = 0; again < term.repeats; ++again) {
            const Real** const to = terms[used + again].at;
            std::fill_n(to, +At::count, nullptr);
            to[At::minus] = at(term.minus, again);
            if (own.stored)
                to[At::plus] = at(term.plus, again);
            if (own.moves)
                to[At::tangent] = at(term.tangent, again);
            if (!own.value) {
                to[At::left_norm] = at(term.left_norm, again);
                to[At::right_norm] = at(term.right_norm, again);
            }
        }
        groups[count - 1].end = used + term.repeats;
        return true;
    }
    // On by `positions`, or from one row of so many to the next.
    HWY_INLINE void next(std::size_t positions, bool sheet) {
        std::size_t term = 0;
        for (std::size_t k = 0; k < count; ++k) {
            std::ptrdiff_t by[At::count];
            for (std::size_t n = 0; n < At::count; ++n) {
                const std::ptrdiff_t along = static_cast<std::ptrdiff_t>(positions) * groups[k].step[n];
                by[n] = sheet ? groups[k].sheet[n] - along : along;
            }
            for (; term < groups[k].end; ++term)
                move(terms[term].at, by);
        }
    }
    // Whether what is read by lane of one position ends where that of the next one begins, and so do numbers of the left.
    [[nodiscard]] HWY_INLINE bool adjacent(std::ptrdiff_t lanes) const {
        for (std::size_t k = 0; k < count; ++k)
            if (groups[k].step[At::minus] != lanes || groups[k].step[At::right_norm] != lanes ||
                groups[k].step[At::left_norm] != 1)
                return false;
        return true;
    }

  private:
    static HWY_INLINE bool together(const Moving<Real>& a, const Moving<Real>& b) {
        return a.step == b.step && a.sheet == b.sheet;
    }
    static HWY_INLINE bool fits(const PlainGroup<Real>& a, const PlainGroup<Real>& b) {
        bool same =
            a.value == b.value && a.stored == b.stored && a.moves == b.moves && a.scale == b.scale && a.slope == b.slope;
        for (std::size_t n = 0; n < At::count; ++n)
            same &= a.step[n] == b.step[n] && a.sheet[n] == b.sheet[n];
        return same;
    }
};

// Vectors are those of one position or, `Across`, of that many adjacent positions, one each. `ratio`: a / b of the elements
// that are written, a e = x - y a / b.
template <bool Gap, bool Plus, bool Stored, bool Moves, bool Across, std::size_t Vectors, class D,
          class Real = hn::TFromD<D>>
HWY_INLINE void add_entries(D d, const PlainTerm<Real>* term, const PlainTerm<Real>* end, std::size_t lane,
                            const Vec<D>* ratio, Sums<D, Vectors>& sums) {
    for (; term != end; ++term) {
        const Real* const minus = term->at[At::minus] + lane;
        const Real* const plus = Stored ? term->at[At::plus] + lane : nullptr;
        const Real* const tangent = Moves ? term->at[At::tangent] + lane : nullptr;
        const Real* const left = term->at[At::left_norm];
        const Real* const right = term->at[At::right_norm] + lane;
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const std::size_t by = v * hn::Lanes(d);
            const auto x = hn::Set(d, left[Across ? v : 0]);
            const auto y = hn::LoadU(d, right + by);
            const auto w = hn::Mul(x, y);
            sums.size[v] = hn::Add(sums.size[v], w);
            const auto m = hn::LoadU(d, minus + by);
            sums.minus[v] = hn::MulAdd(w, m, sums.minus[v]);
            if constexpr (Plus) {
                const auto p = Stored ? hn::LoadU(d, plus + by) : hn::Sub(hn::Set(d, Real(4)), m);
                sums.plus[v] = hn::MulAdd(w, p, sums.plus[v]);
            }
            if constexpr (Gap) {
                const auto e = hn::NegMulAdd(y, ratio[v], x);
                sums.apart[v] = hn::MulAdd(e, e, sums.apart[v]);
            }
            if constexpr (Moves)
                sums.tangent[v] = hn::Add(sums.tangent[v], hn::LoadU(d, tangent + by));
        }
    }
}

// C itself.
template <bool Moves, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void add_values(D d, const PlainTerm<Real>* term, const PlainTerm<Real>* end, std::size_t lane,
                           Sums<D, Vectors>& sums) {
    for (; term != end; ++term) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const std::size_t at = lane + v * hn::Lanes(d);
            sums.size[v] = hn::Add(sums.size[v], hn::LoadU(d, term->at[At::minus] + at));
            if constexpr (Moves)
                sums.tangent[v] = hn::Add(sums.tangent[v], hn::LoadU(d, term->at[At::tangent] + at));
        }
    }
}

template <bool Gap, bool Plus, bool Tangent, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void rescale(D d, Real by, Sums<D, Vectors>& sums) {
    const auto factor = hn::Set(d, by);
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        sums.size[v] = hn::Mul(factor, sums.size[v]);
        sums.minus[v] = hn::Mul(factor, sums.minus[v]);
        if constexpr (Plus)
            sums.plus[v] = hn::Mul(factor, sums.plus[v]);
        if constexpr (Gap)
            sums.apart[v] = hn::Mul(factor, sums.apart[v]);
        if constexpr (Tangent)
            sums.tangent[v] = hn::Mul(factor, sums.tangent[v]);
    }
}

// T += slope C of what the sums hold.
template <std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void add_slope(D d, Real slope, Sums<D, Vectors>& sums) {
    const auto whole = hn::Set(d, slope);
    const auto half = hn::Set(d, Real(-0.5) * slope);
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v)
        sums.tangent[v] = hn::MulAdd(half, sums.minus[v], hn::MulAdd(whole, sums.size[v], sums.tangent[v]));
}

// The sums of all of them, of scale `plain.scale()`, with T in `tangent`.
template <bool Gap, bool Plus, bool Tangent, bool Across, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void plain_sums(D d, const PlainTerms<Real>& plain, std::size_t lane, const Vec<D>* ratio,
                           Sums<D, Vectors>& sums) {
    const auto zero = hn::Zero(d);
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v)
        sums.size[v] = sums.minus[v] = sums.plus[v] = sums.apart[v] = sums.tangent[v] = zero;
    const PlainTerm<Real>* term = plain.terms;
    for (std::size_t k = 0; k < plain.count; ++k) {
        const PlainGroup<Real>& group = plain.groups[k];
        const PlainTerm<Real>* const end = plain.terms + group.end;
        if (k > 0 && group.scale != plain.groups[k - 1].scale)
            rescale<Gap, Plus, Tangent>(d, plain.groups[k - 1].scale / group.scale, sums);
        if constexpr (Tangent) // each slope is of all from its group on, less that of what was before
            if (k > 0 && group.slope != plain.groups[k - 1].slope)
                add_slope(d, plain.groups[k - 1].slope - group.slope, sums);
        const auto with = [&](auto moves) TPC_INLINE {
            constexpr bool Moves = decltype(moves)::value;
            if constexpr (!Gap)
                if (group.value) {
                    add_values<Moves>(d, term, end, lane, sums);
                    return;
                }
            if constexpr (Plus && Gap)
                if (group.stored) {
                    add_entries<Gap, true, true, Moves, Across>(d, term, end, lane, ratio, sums);
                    return;
                }
            add_entries<Gap, Plus && Gap, false, Moves, Across>(d, term, end, lane, ratio, sums);
        };
        if constexpr (Tangent)
            group.moves ? with(std::true_type()) : with(std::false_type());
        else
            with(std::false_type());
        term = end;
    }
    if constexpr (Tangent)
        add_slope(d, plain.slope(), sums);
    if constexpr (!Gap) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            sums.size[v] = hn::NegMulAdd(hn::Set(d, Real(0.5)), sums.minus[v], sums.size[v]);
    }
    if (plain.parameters != Real(0) || plain.rate != Real(0)) {
        const auto parameters = hn::Set(d, plain.parameters / plain.scale());
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            if constexpr (Gap) {
                const auto e = hn::Sub(hn::Set(d, Real(1)), ratio[v]);
                sums.apart[v] = hn::MulAdd(hn::Mul(parameters, e), e, sums.apart[v]);
                if constexpr (Plus)
                    sums.plus[v] = hn::MulAdd(hn::Set(d, Real(4)), parameters, sums.plus[v]);
            } else {
                sums.size[v] = hn::Add(parameters, sums.size[v]);
            }
            if constexpr (Tangent)
                sums.tangent[v] = hn::Add(hn::Set(d, plain.rate / plain.scale()), sums.tangent[v]);
        }
    }
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
