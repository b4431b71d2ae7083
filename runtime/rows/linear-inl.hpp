// Sums of terms on vectors of lanes, for every instruction set.
#if defined(TPC_RUNTIME_ROWS_LINEAR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TPC_RUNTIME_ROWS_LINEAR_INL
#undef TPC_RUNTIME_ROWS_LINEAR_INL
#else
#define TPC_RUNTIME_ROWS_LINEAR_INL
#endif

#include "runtime/rows/vectors-inl.hpp"

#include <memory>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

// A position of a row of positions.
struct Position {
    std::ptrdiff_t sheet = 0, position = 0;
};
template <class Real> HWY_INLINE Real number(const Moving<Real>& m, Position at) {
    return m.data != nullptr ? m.data[at.sheet * m.sheet + at.position * m.step] : Real(1);
}
template <class Real> HWY_INLINE const Real* pointer(const Moving<Real>& m, Position at, std::size_t lane) {
    return m.data == nullptr ? nullptr : m.data + at.sheet * m.sheet + at.position * m.step + lane;
}

// Where the numbers of a term are at the position at hand, and how that moves: all of them at once.
template <class Real> struct Track {
    enum : std::size_t { minus, plus, tangent, left_norm, left_factor, right_norm, right_factor, count = 8 };
    const Real* at[count];
    std::ptrdiff_t step[count], again[count];

    HWY_INLINE void begin(const Term<Real>& term, Position position) {
        const Moving<Real>* const all[] = {&term.minus,       &term.plus,       &term.tangent,     &term.left_norm,
                                           &term.left_factor, &term.right_norm, &term.right_factor};
        at[count - 1] = nullptr;
        step[count - 1] = again[count - 1] = 0;
        for (std::size_t k = 0; k + 1 < count; ++k) {
            const bool there = all[k]->data != nullptr;
            at[k] = pointer(*all[k], position, 0);
            step[k] = there ? all[k]->step : 0;
            again[k] = there ? all[k]->again : 0;
        }
    }
    static HWY_INLINE void move(const Real** from, const std::ptrdiff_t* by) {
        for (std::size_t k = 0; k < count; ++k)
            from[k] += by[k];
    }
    HWY_INLINE void next() { move(at, step); }
};

// Sums over the terms for `Vectors` vectors of lanes at one position.
template <class D, std::size_t Vectors> struct Sums {
    Vec<D> value[Vectors]; // sum scale w (1 - minus/2), or of C
    Vec<D> minus[Vectors]; // sum scale |w| minus
    Vec<D> plus[Vectors];  // sum scale |w| plus
    Vec<D> apart[Vectors]; // sum scale e^2
    Vec<D> tangent[Vectors];
};

// The gaps to the opposites: 4 - minus where they are not stored.
template <std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void opposite_gaps(D d, const Real* plus, std::size_t lane, const Vec<D>* minus, Vec<D>* result) {
    if (plus != nullptr) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            result[v] = hn::LoadU(d, plus + lane + v * hn::Lanes(d));
    } else {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            result[v] = hn::Sub(hn::Set(d, Real(4)), minus[v]);
    }
}

// A term l x y of numbers l of the left side alone, whose gaps are read (or a parameter: x = y = 1 and no gap).
template <class Real> HWY_INLINE bool simple(const Term<Real>& term) {
    return !term.value && term.right == Real(1) && term.right_factor.data == nullptr &&
           (term.minus.data != nullptr ? term.right_norm.data != nullptr
                                       : term.right_norm.data == nullptr && term.plus.data == nullptr);
}
template <class Real> HWY_INLINE Real number(const Real* at) {
    return at != nullptr ? *at : Real(1);
}
template <bool Plus, bool Tangent, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void add_simple(D d, const Term<Real>& term, const Real* const* at, std::size_t lane, Real left_inverse,
                           const Vec<D>* right_inverse, Sums<D, Vectors>& sums) {
    using At = Track<Real>;
    const std::size_t width = hn::Lanes(d);
    const Real coefficient = term.left * number(at[At::left_factor]);
    const Real x = coefficient * number(at[At::left_norm]);
    const bool opposite = x < 0;
    const Real size = opposite ? -x : x;
    const auto scale = hn::Set(d, term.scale);
    const auto own = hn::Set(d, size * left_inverse);
    if (at[At::minus] == nullptr) { // the gap is 0, of opposite ones 4
        const auto weight = hn::Set(d, 4 * term.scale * size);
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto e = hn::Sub(own, right_inverse[v]);
            sums.apart[v] = hn::MulAdd(hn::Mul(scale, e), e, sums.apart[v]);
            if (opposite)
                sums.minus[v] = hn::Add(sums.minus[v], weight);
            else if constexpr (Plus)
                sums.plus[v] = hn::Add(sums.plus[v], weight);
            if constexpr (Tangent)
                sums.tangent[v] = hn::Add(sums.tangent[v], hn::Set(d, term.rate * x));
        }
        return;
    }
    const Real* minus = at[At::minus] + lane;
    const Real* norm = at[At::right_norm] + lane;
    const Real* const plus = at[At::plus] == nullptr ? nullptr : at[At::plus] + lane;
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        const auto y = hn::LoadU(d, norm + v * width);
        const auto m = hn::LoadU(d, minus + v * width);
        const auto weight = hn::Mul(scale, hn::Mul(hn::Set(d, size), y));
        const auto e = hn::Sub(own, hn::Mul(y, right_inverse[v]));
        sums.apart[v] = hn::MulAdd(hn::Mul(scale, e), e, sums.apart[v]);
        if (Plus || opposite) {
            const auto p = plus != nullptr ? hn::LoadU(d, plus + v * width) : hn::Sub(hn::Set(d, Real(4)), m);
            sums.minus[v] = hn::MulAdd(weight, opposite ? p : m, sums.minus[v]);
            if constexpr (Plus)
                sums.plus[v] = hn::MulAdd(weight, opposite ? m : p, sums.plus[v]);
        } else {
            sums.minus[v] = hn::MulAdd(weight, m, sums.minus[v]);
        }
    }
    if constexpr (Tangent) {
        if (at[At::tangent] != nullptr) {
            const Real* tangent = at[At::tangent] + lane;
            const auto factor = hn::Set(d, term.scale * coefficient);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v)
                sums.tangent[v] = hn::MulAdd(factor, hn::LoadU(d, tangent + v * width), sums.tangent[v]);
        }
        if (term.rate != Real(0)) { // C = w (1 - minus / 2)
            const auto half_rate = hn::Set(d, (opposite ? Real(-0.5) : Real(0.5)) * term.rate);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                const auto w = hn::Mul(hn::Set(d, size), hn::LoadU(d, norm + v * width));
                const auto lost = hn::Sub(hn::Set(d, Real(2)), hn::LoadU(d, minus + v * width));
                sums.tangent[v] = hn::MulAdd(hn::Mul(half_rate, w), lost, sums.tangent[v]);
            }
        }
    }
}

template <bool Gap, bool Plus, bool Tangent, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void add_term(D d, const Term<Real>& term, const Real* const* at, std::size_t lane, Real left_inverse,
                         const Vec<D>* right_inverse, Sums<D, Vectors>& sums) {
    using At = Track<Real>;
    const std::size_t width = hn::Lanes(d);
    const Real coefficient = term.left * number(at[At::left_factor]);
    const Real x = coefficient * number(at[At::left_norm]);
    const auto scale = hn::Set(d, term.scale);
    Vec<D> r[Vectors], m[Vectors], value[Vectors]; // value: C(x, y) l r
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v)
        r[v] = hn::Set(d, term.right);
    if (at[At::right_factor] != nullptr) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            r[v] = hn::Mul(r[v], hn::LoadU(d, at[At::right_factor] + lane + v * width));
    }
    if (at[At::minus] != nullptr) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            m[v] = hn::LoadU(d, at[At::minus] + lane + v * width);
    } else {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            m[v] = hn::Zero(d);
    }
    if (Gap || !term.value) {
        Vec<D> y[Vectors], w[Vectors];
        const Real* norm = at[At::right_norm];
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            y[v] = norm != nullptr ? hn::Mul(r[v], hn::LoadU(d, norm + lane + v * width)) : r[v];
            w[v] = hn::Mul(hn::Set(d, x), y[v]);
            value[v] = hn::NegMulAdd(hn::Mul(w[v], hn::Set(d, Real(0.5))), m[v], w[v]);
        }
        if constexpr (Gap) {
            Vec<D> p[Vectors];
            opposite_gaps<Vectors>(d, at[At::plus], lane, m, p);
            const auto own = hn::Set(d, (x < 0 ? -x : x) * left_inverse);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                const auto e = hn::Sub(own, hn::Mul(hn::Abs(y[v]), right_inverse[v]));
                const auto size = hn::Mul(scale, hn::Abs(w[v]));
                const auto opposite = hn::Lt(w[v], hn::Zero(d));
                sums.minus[v] = hn::MulAdd(size, hn::IfThenElse(opposite, p[v], m[v]), sums.minus[v]);
                if constexpr (Plus)
                    sums.plus[v] = hn::MulAdd(size, hn::IfThenElse(opposite, m[v], p[v]), sums.plus[v]);
                sums.apart[v] = hn::MulAdd(hn::Mul(scale, e), e, sums.apart[v]);
            }
        }
    }
    if (term.value) {
        const auto left = hn::Set(d, coefficient);
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            value[v] = hn::Mul(hn::Mul(left, r[v]), m[v]);
    }
    if constexpr (!Gap) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v)
            sums.value[v] = hn::MulAdd(scale, value[v], sums.value[v]);
    }
    if constexpr (Tangent) {
        if (at[At::tangent] != nullptr) {
            const Real* tangent = at[At::tangent] + lane;
            const auto left = hn::Set(d, coefficient);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v)
                sums.tangent[v] =
                    hn::MulAdd(hn::Mul(scale, hn::Mul(left, r[v])), hn::LoadU(d, tangent + v * width), sums.tangent[v]);
        }
        if (term.rate != Real(0)) {
            const auto rate = hn::Set(d, term.rate);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v)
                sums.tangent[v] = hn::MulAdd(rate, value[v], sums.tangent[v]);
        }
    }
}

// What most rows are made of: terms x y without factors and without signs, of one scale, whose steps agree. Repetitions are
// terms of their own here.
template <class Real> struct PlainTerm {
    const Real* minus;
    const Real* tangent;
    const Real* left;
    const Real* right;
};
template <class Real> struct PlainTerms {
    static constexpr std::size_t most = 32;
    PlainTerm<Real> terms[most];
    std::size_t count = 0;
    Moving<Real> row, left, right; // steps
    Real scale = 1, rate = 0;

    static HWY_INLINE bool together(const Moving<Real>& a, const Moving<Real>& b) {
        return a.step == b.step && a.sheet == b.sheet;
    }
    // False when the term is of another kind.
    HWY_INLINE bool take(const Term<Real>& term, bool tangent) {
        const bool plain = !term.value && term.minus.data != nullptr && term.plus.data == nullptr && term.left == Real(1) &&
                           term.right == Real(1) && term.left_factor.data == nullptr && term.right_factor.data == nullptr &&
                           term.left_norm.data != nullptr && term.right_norm.data != nullptr &&
                           (!tangent || (term.tangent.data != nullptr && together(term.tangent, term.minus)));
        if (!plain || count + term.repeats > most)
            return false;
        if (count == 0) {
            row = term.minus;
            left = term.left_norm;
            right = term.right_norm;
            scale = term.scale;
            rate = term.rate;
        }
        if (!together(term.minus, row) || !together(term.left_norm, left) || !together(term.right_norm, right) ||
            term.scale != scale || term.rate != rate)
            return false;
        for (std::size_t again = 0; again < term.repeats; ++again) {
            const auto by = static_cast<std::ptrdiff_t>(again);
            terms[count++] = {
                term.minus.data + by * term.minus.again, tangent ? term.tangent.data + by * term.tangent.again : nullptr,
                term.left_norm.data + by * term.left_norm.again, term.right_norm.data + by * term.right_norm.again};
        }
        return true;
    }
};

// Across: vectors are those of `Vectors` positions, one each, rather than of one position.
template <bool Tangent, bool Across, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void add_plain(D d, const PlainTerms<Real>& plain, Position position, std::size_t lane, const Real* left_inverse,
                          const Vec<D>* right_inverse, Sums<D, Vectors>& sums) {
    const auto width = static_cast<std::ptrdiff_t>(hn::Lanes(d));
    Vec<D> size[Vectors];
    Vec<D> minus[Vectors];
    Vec<D> apart[Vectors];
    Vec<D> tangent[Vectors];
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v)
        size[v] = minus[v] = apart[v] = tangent[v] = hn::Zero(d);
    const auto moved = [&](const Moving<Real>& m) { return position.sheet * m.sheet + position.position * m.step; };
    const std::ptrdiff_t row = moved(plain.row) + static_cast<std::ptrdiff_t>(lane);
    const std::ptrdiff_t right = moved(plain.right) + static_cast<std::ptrdiff_t>(lane);
    const std::ptrdiff_t left = moved(plain.left);
    const std::ptrdiff_t row_step = Across ? plain.row.step : width;
    const std::ptrdiff_t right_step = Across ? plain.right.step : width;
    for (std::size_t k = 0; k < plain.count; ++k) {
        const PlainTerm<Real>& term = plain.terms[k];
        auto x = hn::Set(d, term.left[left]);
        auto own = hn::Mul(x, hn::Set(d, left_inverse[0]));
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto by = static_cast<std::ptrdiff_t>(v);
            if constexpr (Across) {
                x = hn::Set(d, term.left[left + by * plain.left.step]);
                own = hn::Mul(x, hn::Set(d, left_inverse[v]));
            }
            const auto y = hn::LoadU(d, term.right + right + by * right_step);
            const auto w = hn::Mul(x, y);
            const auto e = hn::NegMulAdd(y, right_inverse[v], own);
            size[v] = hn::Add(size[v], w);
            minus[v] = hn::MulAdd(w, hn::LoadU(d, term.minus + row + by * row_step), minus[v]);
            apart[v] = hn::MulAdd(e, e, apart[v]);
            if constexpr (Tangent)
                tangent[v] = hn::Add(tangent[v], hn::LoadU(d, term.tangent + row + by * row_step));
        }
    }
    const auto scale = hn::Set(d, plain.scale);
    const auto rate = hn::Set(d, plain.rate);
    const auto half = hn::Set(d, Real(0.5));
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        sums.minus[v] = hn::MulAdd(scale, minus[v], sums.minus[v]);
        sums.apart[v] = hn::MulAdd(scale, apart[v], sums.apart[v]);
        if constexpr (Tangent) {
            sums.tangent[v] = hn::MulAdd(scale, tangent[v], sums.tangent[v]);
            sums.tangent[v] = hn::MulAdd(rate, hn::NegMulAdd(half, minus[v], size[v]), sums.tangent[v]);
        }
    }
}

// Of the terms from `first` on.
template <class Real> class Tracks {
  public:
    std::size_t first = 0;
    Track<Real>* begin = nullptr;

    // Of all positions of a sheet in turn.
    HWY_INLINE void enter(const LinearRow<Real>& row, Position position) {
        if (begin == nullptr) {
            begin = few_;
            if (row.count - first > most) {
                many_ = std::make_unique<Track<Real>[]>(row.count - first);
                begin = many_.get();
            }
        }
        for (std::size_t k = first; k < row.count; ++k)
            begin[k - first].begin(row.terms[k], position);
    }
    HWY_INLINE void next(std::size_t count) {
        for (std::size_t k = 0; k + first < count; ++k)
            begin[k].next();
    }

  private:
    static constexpr std::size_t most = 8;
    Track<Real> few_[most];
    std::unique_ptr<Track<Real>[]> many_;
};

// C itself, where `row.value`, or the gaps, and T, of some lanes at one position; nothing is stored.
template <bool Gap, bool Plus, bool Tangent, bool Across, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void linear_at(D d, const LinearRow<Real>& row, const PlainTerms<Real>& plain, const Tracks<Real>& tracks,
                          Position position, std::size_t lane, Vec<D>* out_minus, Vec<D>* out_plus, Vec<D>* out_tangent) {
    const std::size_t width = hn::Lanes(d);
    Sums<D, Vectors> sums;
    Vec<D> right_inverse[Vectors];
    Real left_inverse[Vectors];
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        sums.value[v] = sums.minus[v] = sums.plus[v] = sums.apart[v] = sums.tangent[v] = hn::Zero(d);
        const Position at{position.sheet, position.position + static_cast<std::ptrdiff_t>(Across ? v : 0)};
        left_inverse[v] = row.value ? Real(0) : number(row.left_inverse, at);
        right_inverse[v] =
            row.value ? hn::Zero(d) : hn::LoadU(d, pointer(row.right_inverse, at, lane + (Across ? 0 : v * width)));
    }
    if constexpr (Gap && !Plus)
        if (plain.count > 0)
            add_plain<Tangent, Across, Vectors>(d, plain, position, lane, left_inverse, right_inverse, sums);
    for (std::size_t k = tracks.first; k < row.count; ++k) {
        const Term<Real>& term = row.terms[k];
        const Track<Real>& track = tracks.begin[k - tracks.first];
        const bool plainly = Gap && simple(term);
        const Real* moved[Track<Real>::count];
        const Real* const* at = track.at;
        for (std::size_t again = 1;; ++again) {
            if (plainly)
                add_simple<Plus, Tangent, Vectors>(d, term, at, lane, left_inverse[0], right_inverse, sums);
            else
                add_term<Gap, Plus, Tangent, Vectors>(d, term, at, lane, left_inverse[0], right_inverse, sums);
            if (again >= term.repeats)
                break;
            for (std::size_t n = 0; n < Track<Real>::count; ++n)
                moved[n] = at[n] + track.again[n];
            at = moved;
        }
    }
    const auto zero = hn::Zero(d);
    const auto two = hn::Set(d, Real(2));
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        if constexpr (Tangent)
            out_tangent[v] = sums.tangent[v];
        if (row.value) {
            out_minus[v] = sums.value[v];
            if constexpr (Plus)
                out_plus[v] = zero;
            continue;
        }
        const auto inverse = hn::Mul(hn::Set(d, left_inverse[v]), right_inverse[v]);
        const auto none = hn::Eq(inverse, zero); // an element that is 0 correlates with nothing
        Vec<D> minus = zero;
        Vec<D> plus = zero;
        if constexpr (Gap) {
            minus = hn::MulAdd(sums.minus[v], inverse, sums.apart[v]);
            plus = hn::MulAdd(sums.plus[v], inverse, sums.apart[v]);
        } else {
            const auto correlation = hn::Mul(sums.value[v], inverse);
            minus = hn::Max(hn::NegMulAdd(two, correlation, two), zero);
            plus = hn::Max(hn::MulAdd(two, correlation, two), zero);
        }
        out_minus[v] = hn::IfThenElse(none, two, minus);
        if constexpr (Plus)
            out_plus[v] = hn::IfThenElse(none, two, plus);
    }
}

// A row after `apply` (number of vectors, position, lane, minus, plus, tangent), in place, for all positions and lanes.
// Where one vector holds all lanes, and `Across` allows it, some positions at once: `apply` knows neither these nor the
// lanes.
template <bool Gap, bool SumPlus, bool Plus, bool Tangent, bool Across, class Real, class Apply>
HWY_INLINE void linear_row(const LinearRow<Real>& given, const Apply& apply) {
    const LinearRow<Real> row = given; // which nothing that is written can alias
    const Tag<Real> d;
    const std::size_t width = hn::Lanes(d);
    PlainTerms<Real> plain; // the first ones, as far as they are plain
    Tracks<Real> tracks;
    if constexpr (Gap && !SumPlus)
        while (tracks.first < row.count && plain.take(row.terms[tracks.first], Tangent))
            ++tracks.first;
    const auto chunk = [&](auto vectors, auto across, Position at, std::size_t lane) TPC_INLINE {
        constexpr std::size_t Vectors = decltype(vectors)::value;
        constexpr bool apart = decltype(across)::value;
        Vec<decltype(d)> minus[Vectors], plus[Vectors], tangent[Vectors];
        linear_at<Gap, SumPlus, Tangent, apart, Vectors>(d, row, plain, tracks, at, lane, minus, plus, tangent);
        apply(vectors, at, lane, minus, plus, tangent);
        const std::ptrdiff_t begin = at.sheet * row.sheet + at.position * row.step + static_cast<std::ptrdiff_t>(lane);
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const std::ptrdiff_t to =
                begin + static_cast<std::ptrdiff_t>(v) * (apart ? row.step : static_cast<std::ptrdiff_t>(width));
            hn::StoreU(minus[v], d, row.minus + to);
            if constexpr (Plus)
                if (!row.value)
                    hn::StoreU(plus[v], d, row.plus + to);
            if constexpr (Tangent)
                hn::StoreU(tangent[v], d, row.tangent + to);
        }
    };
    for (std::size_t sheet = 0; sheet < row.sheets; ++sheet) {
        Position at{static_cast<std::ptrdiff_t>(sheet), 0};
        const auto positions = static_cast<std::ptrdiff_t>(row.positions);
        if constexpr (Across && Gap && !SumPlus)
            if (row.lanes == width && tracks.first == row.count)
                for (constexpr std::ptrdiff_t some = most_vectors; at.position + some <= positions; at.position += some)
                    chunk(std::integral_constant<std::size_t, most_vectors>(), std::true_type(), at, 0);
        tracks.enter(row, at);
        for (; at.position < positions; ++at.position, tracks.next(row.count))
            by_chunks(d, row.lanes,
                      [&](auto vectors, std::size_t lane) TPC_INLINE { chunk(vectors, std::false_type(), at, lane); });
    }
}

// A dual kernel of such sums and their T: `apply`(Wants, number of vectors, position, lane, minus, plus, tangent), in place.
template <bool Across, class Real, class Apply> HWY_INLINE void linear_dual(const LinearRow<Real>& row, const Apply& apply) {
    const auto run = [&](auto wants) TPC_INLINE {
        using W = decltype(wants);
        linear_row<true, W::signs, W::plus, true, Across>(
            row, [&](auto vectors, Position at, std::size_t lane, auto* minus, auto* plus, auto* tangent)
                     TPC_INLINE { apply(wants, vectors, at, lane, minus, plus, tangent); });
    };
    if (row.signs)
        row.plus != nullptr ? run(Wants<true, true, true>()) : run(Wants<true, false, true>());
    else
        row.plus != nullptr ? run(Wants<false, true, true>()) : run(Wants<false, false, true>());
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
