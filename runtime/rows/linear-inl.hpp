// Sums of terms on vectors of lanes, for every instruction set.
#if defined(TPC_RUNTIME_ROWS_LINEAR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TPC_RUNTIME_ROWS_LINEAR_INL
#undef TPC_RUNTIME_ROWS_LINEAR_INL
#else
#define TPC_RUNTIME_ROWS_LINEAR_INL
#endif

#include "runtime/rows/plain-inl.hpp"

#include <memory>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

// A position of a row of positions.
struct Position {
    std::ptrdiff_t sheet = 0, position = 0;
};
template <class Real> HWY_INLINE const Real* pointer(const Moving<Real>& m, Position at, std::size_t lane) {
    return m.data == nullptr ? nullptr : m.data + at.sheet * m.sheet + at.position * m.step + lane;
}
template <class Real> HWY_INLINE Real number(const Moving<Real>& m, Position at) {
    return m.data != nullptr ? *pointer(m, at, 0) : Real(1);
}

// Where the numbers of a term are at the position at hand, and how that moves: all of them at once.
template <class Real> struct Track {
    const Real* at[At::count];
    std::ptrdiff_t step[At::count], again[At::count];

    HWY_INLINE void begin(const Term<Real>& term, Position position) {
        const Moving<Real>* const all[] = {&term.minus,       &term.plus,       &term.tangent,     &term.left_norm,
                                           &term.left_factor, &term.right_norm, &term.right_factor};
        at[At::count - 1] = nullptr;
        step[At::count - 1] = again[At::count - 1] = 0;
        for (std::size_t k = 0; k + 1 < At::count; ++k) {
            const bool there = all[k]->data != nullptr;
            at[k] = pointer(*all[k], position, 0);
            step[k] = there ? all[k]->step : 0;
            again[k] = there ? all[k]->again : 0;
        }
    }
    HWY_INLINE void next() { move(at, step); }
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

template <class Real> HWY_INLINE Real number(const Real* at) {
    return at != nullptr ? *at : Real(1);
}
template <bool Gap, bool Plus, bool Tangent, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void add_term(D d, const Term<Real>& term, const Real* const* at, std::size_t lane, const Vec<D>* ratio,
                         Sums<D, Vectors>& sums) {
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
            const auto own = hn::Set(d, x < 0 ? -x : x);
            TPC_UNROLL
            for (std::size_t v = 0; v < Vectors; ++v) {
                const auto e = hn::NegMulAdd(hn::Abs(y[v]), ratio[v], own);
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
            sums.size[v] = hn::MulAdd(scale, value[v], sums.size[v]);
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

// The terms of a row that are of any other kind.
template <class Real> class OtherTerms {
  public:
    HWY_INLINE void take(const Term<Real>& term, std::size_t most) {
        if (count_ == 0 && most > few)
            many_ = std::make_unique_for_overwrite<Other[]>(most);
        begin()[count_++].term = &term;
    }
    [[nodiscard]] HWY_INLINE bool empty() const { return count_ == 0; }
    // All positions of a sheet in turn.
    HWY_INLINE void enter(Position position) {
        for (std::size_t k = 0; k < count_; ++k)
            begin()[k].track.begin(*begin()[k].term, position);
    }
    HWY_INLINE void next() {
        for (std::size_t k = 0; k < count_; ++k)
            move(begin()[k].track.at, begin()[k].track.step);
    }
    // `visit`(term, addresses)
    template <class Visit> HWY_INLINE void each(const Visit& visit) const {
        const Other* const all = many_ == nullptr ? few_ : many_.get();
        for (std::size_t k = 0; k < count_; ++k) {
            const Other& own = all[k];
            const Real* moved[At::count];
            const Real* const* at = own.track.at;
            for (std::size_t again = 1;; ++again) {
                visit(*own.term, at);
                if (again >= own.term->repeats)
                    break;
                for (std::size_t n = 0; n < At::count; ++n)
                    moved[n] = at[n] + own.track.again[n];
                at = moved;
            }
        }
    }

  private:
    struct Other {
        const Term<Real>* term;
        Track<Real> track;
    };
    static constexpr std::size_t few = 8;
    std::size_t count_ = 0;
    Other few_[few];
    std::unique_ptr<Other[]> many_;
    HWY_INLINE Other* begin() { return many_ == nullptr ? few_ : many_.get(); }
};

// C and T, by a number and by lane (null: 1).
template <bool Tangent, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void multiply(D d, Real left, const Real* right, Sums<D, Vectors>& sums) {
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        auto own = hn::Set(d, left);
        if (right != nullptr)
            own = hn::Mul(own, hn::LoadU(d, right + v * hn::Lanes(d)));
        sums.size[v] = hn::Mul(own, sums.size[v]);
        if constexpr (Tangent)
            sums.tangent[v] = hn::Mul(own, sums.tangent[v]);
    }
}

// x / y, exactly 1 where they are equal: an ulp of the ratio of two norms would be a gap of its square, which is what is
// left of a sample with itself behind erf of variances beyond 1e9 in single precision. `inverse` is 1 / y.
template <class D, class Real = hn::TFromD<D>> HWY_INLINE Vec<D> quotient(D d, Vec<D> x, Real y, Real inverse) {
    return hn::IfThenElse(hn::Eq(x, hn::Set(d, y)), hn::Set(d, inverse > 0 ? Real(1) : Real(0)),
                          hn::Mul(x, hn::Set(d, inverse)));
}

// C itself, where `row.value`, or the gaps, and T, of some lanes at one position; nothing is stored.
template <bool Gap, bool Plus, bool Tangent, bool Across, bool Other, std::size_t Vectors, class D,
          class Real = hn::TFromD<D>>
HWY_INLINE void linear_at(D d, const LinearRow<Real>& row, const PlainTerms<Real>& plain, const OtherTerms<Real>& other,
                          Position position, std::size_t lane, Vec<D>* out_minus, Vec<D>* out_plus, Vec<D>* out_tangent) {
    Sums<D, Vectors> sums;
    Vec<D> ratio[Vectors];
    const auto zero = hn::Zero(d);
    const auto two = hn::Set(d, Real(2));
    const auto left_inverse = [&](std::size_t v) TPC_INLINE {
        return number(row.left_inverse, {position.sheet, position.position + static_cast<std::ptrdiff_t>(Across ? v : 0)});
    };
    const auto right_inverse = [&](std::size_t v) TPC_INLINE {
        const std::ptrdiff_t step = Across ? row.right_inverse.step : static_cast<std::ptrdiff_t>(hn::Lanes(d));
        return hn::LoadU(d, pointer(row.right_inverse, position, lane) + static_cast<std::ptrdiff_t>(v) * step);
    };
    if constexpr (Gap) {
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const Real inverse = left_inverse(v);
            ratio[v] = quotient(d, right_inverse(v), inverse, inverse > 0 ? 1 / inverse : Real(0));
        }
    }
    plain_sums<Gap, Plus, Tangent, Across>(d, plain, lane, ratio, sums);
    Real scale = plain.scale();
    if (Other && !other.empty()) {
        rescale<Gap, Plus, Tangent>(d, scale, sums);
        scale = 1;
        other.each([&](const Term<Real>& term, const Real* const* at)
                       TPC_INLINE { add_term<Gap, Plus, Tangent, Vectors>(d, term, at, lane, ratio, sums); });
    }
    if (!Gap && (row.left_factor.data != nullptr || row.right_factor.data != nullptr))
        multiply<Tangent>(d, number(row.left_factor, position), pointer(row.right_factor, position, lane), sums);
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        if constexpr (Tangent)
            out_tangent[v] = hn::Mul(hn::Set(d, scale), sums.tangent[v]);
        if (!Gap && row.value) {
            out_minus[v] = hn::Mul(hn::Set(d, scale), sums.size[v]);
            if constexpr (Plus)
                out_plus[v] = zero;
            continue;
        }
        const Real left = left_inverse(v);
        const auto right = right_inverse(v);
        Vec<D> minus = zero;
        Vec<D> plus = zero;
        hn::Mask<D> none; // an element that is 0 correlates with nothing
        if constexpr (Gap) {
            const auto apart = hn::Mul(sums.apart[v], hn::Set(d, left));
            const auto factor = hn::Set(d, scale * left);
            minus = hn::Mul(hn::MulAdd(sums.minus[v], right, apart), factor);
            plus = hn::Mul(hn::MulAdd(sums.plus[v], right, apart), factor);
            none = hn::Eq(ratio[v], zero);
        } else {
            const auto inverse = hn::Mul(hn::Set(d, left), right);
            const auto correlation = hn::Mul(hn::Mul(hn::Set(d, scale), sums.size[v]), inverse);
            minus = hn::Max(hn::NegMulAdd(two, correlation, two), zero);
            plus = hn::Max(hn::MulAdd(two, correlation, two), zero);
            none = hn::Eq(inverse, zero);
        }
        out_minus[v] = hn::IfThenElse(none, two, minus);
        if constexpr (Plus)
            out_plus[v] = hn::IfThenElse(none, two, plus);
    }
}

// The positions of such a row lie side by side, in what is read as in what is written, and all have the same left element:
// they are lanes of one.
template <class Real> HWY_INLINE bool side_by_side(const LinearRow<Real>& row) {
    const auto lanes = static_cast<std::ptrdiff_t>(row.lanes);
    const auto by_lane = [&](const Moving<Real>& m) { return m.data == nullptr || m.step == lanes; };
    const auto still = [](const Moving<Real>& m) { return m.data == nullptr || m.step == 0; };
    bool all = row.step == lanes && still(row.left_inverse) && by_lane(row.right_inverse) && still(row.left_factor) &&
               by_lane(row.right_factor);
    for (std::size_t k = 0; k < row.count && all; ++k) {
        const Term<Real>& term = row.terms[k];
        all = by_lane(term.minus) && by_lane(term.plus) && by_lane(term.tangent) && by_lane(term.right_norm) &&
              by_lane(term.right_factor) && still(term.left_norm) && still(term.left_factor);
    }
    return all;
}

// A row after `apply` (number of vectors, position, lane, minus, plus, tangent), in place, for all positions and lanes.
// Where one vector holds all lanes, and `Across` allows it, some positions at once: `apply` knows neither these nor the
// lanes.
template <bool Gap, bool SumPlus, bool Plus, bool Tangent, bool Across, class Real, class Apply>
HWY_INLINE void linear_row(const LinearRow<Real>& given, const Apply& apply) {
    LinearRow<Real> row = given; // which nothing that is written can alias
    if constexpr (Across)
        if (row.positions > 1 && side_by_side(row)) {
            row.lanes *= row.positions;
            row.positions = 1;
        }
    const Tag<Real> d;
    const std::size_t width = hn::Lanes(d);
    PlainTerms<Real> plain;
    OtherTerms<Real> other;
    for (std::size_t k = 0; k < row.count; ++k)
        if (!plain.take(row.terms[k], Gap, SumPlus, Tangent))
            other.take(row.terms[k], row.count);
    const auto chunk = [&](auto vectors, auto across, auto others, Position at, std::size_t lane) TPC_INLINE {
        constexpr std::size_t Vectors = decltype(vectors)::value;
        constexpr bool apart = decltype(across)::value;
        Vec<decltype(d)> minus[Vectors], plus[Vectors], tangent[Vectors];
        linear_at<Gap, SumPlus, Tangent, apart, decltype(others)::value, Vectors>(d, row, plain, other, at, lane, minus,
                                                                                  plus, tangent);
        apply(vectors, at, lane, minus, plus, tangent);
        const std::ptrdiff_t begin = at.sheet * row.sheet + at.position * row.step + static_cast<std::ptrdiff_t>(lane);
        TPC_UNROLL
        for (std::size_t v = 0; v < Vectors; ++v) {
            const std::ptrdiff_t to =
                begin + static_cast<std::ptrdiff_t>(v) * (apart ? row.step : static_cast<std::ptrdiff_t>(width));
            hn::StoreU(minus[v], d, row.minus + to);
            if constexpr (Plus)
                if (row.plus != nullptr && !row.value)
                    hn::StoreU(plus[v], d, row.plus + to);
            if constexpr (Tangent)
                hn::StoreU(tangent[v], d, row.tangent + to);
        }
    };
    const auto positions = static_cast<std::ptrdiff_t>(row.positions);
    for (Position at; at.sheet < static_cast<std::ptrdiff_t>(row.sheets); ++at.sheet, plain.next(row.positions, true)) {
        at.position = 0;
        if constexpr (Across && Gap)
            if (row.lanes == width && other.empty() && plain.adjacent(static_cast<std::ptrdiff_t>(width)))
                for (constexpr std::size_t some = most_vectors; at.position + some <= row.positions;
                     at.position += some, plain.next(some, false))
                    chunk(std::integral_constant<std::size_t, some>(), std::true_type(), std::false_type(), at, 0);
        other.enter(at);
        for (; at.position < positions; ++at.position, plain.next(1, false), other.next()) {
            std::size_t lane = 0;
            if constexpr (most_vectors > 2)
                if (other.empty())
                    for (; lane + most_vectors * width <= row.lanes; lane += most_vectors * width)
                        chunk(std::integral_constant<std::size_t, most_vectors>(), std::false_type(), std::false_type(), at,
                              lane);
            by_chunks<2>(d, row.lanes - lane, [&](auto vectors, std::size_t from) TPC_INLINE {
                chunk(vectors, std::false_type(), std::true_type(), at, lane + from);
            });
        }
    }
}

// What rounding leaves below C = 0 counts for nothing.
template <std::size_t Vectors, class V> HWY_INLINE void never_negative(V* minus, V* plus) {
    const hn::DFromV<V> d;
    using Real = hn::TFromD<decltype(d)>;
    TPC_UNROLL
    for (std::size_t v = 0; v < Vectors; ++v) {
        minus[v] = hn::Min(minus[v], hn::Set(d, Real(2)));
        plus[v] = hn::Sub(hn::Set(d, Real(4)), minus[v]);
    }
}

// A dual kernel of such sums and their T: `apply`(Wants, number of vectors, position, lane, minus, plus, tangent), in place.
template <bool Across, class Real, class Apply> HWY_INLINE void linear_dual(const LinearRow<Real>& row, const Apply& apply) {
    const auto run = [&](auto wants) TPC_INLINE {
        using W = decltype(wants);
        linear_row<true, W::signs, W::plus, true, Across>(
            row, [&](auto vectors, Position at, std::size_t lane, auto* minus, auto* plus, auto* tangent) TPC_INLINE {
                if constexpr (W::signs)
                    if (!row.signs)
                        never_negative<decltype(vectors)::value>(minus, plus);
                apply(wants, vectors, at, lane, minus, plus, tangent);
            });
    };
    // where one of them will do, both cost little more
    row.signs || row.plus != nullptr ? run(Wants<true, true, true>()) : run(Wants<false, false, true>());
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#endif
