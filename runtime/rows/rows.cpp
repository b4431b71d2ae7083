// Compiled once for every instruction set by Highway, which chooses among them at run time. Everything is symmetric in the
// two sides to the last bit: the kernel of (j, i) is that of (i, j).
#include "runtime/rows/rows.hpp"

#include "runtime/gaussian/correlation.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/rows.cpp"
#include <hwy/foreach_target.h>

#include "runtime/rows/vectors-inl.hpp"

#include <algorithm>
#include <limits>
#include <numbers>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

// A position of a row of positions.
struct Position {
    std::ptrdiff_t sheet = 0, position = 0;
};
template <class Real> HWY_INLINE Real number(const Moving<Real>& m, Position at, std::ptrdiff_t again) {
    return m.data != nullptr ? m.data[at.sheet * m.sheet + at.position * m.step + again * m.again] : Real(1);
}
template <class Real>
HWY_INLINE const Real* pointer(const Moving<Real>& m, Position at, std::ptrdiff_t again, std::size_t lane) {
    return m.data == nullptr ? nullptr : m.data + at.sheet * m.sheet + at.position * m.step + again * m.again + lane;
}

// Sums over the terms for `Vectors` vectors of lanes at one position.
template <class D, std::size_t Vectors> struct Sums {
    Vec<D> value[Vectors]; // sum scale w (1 - minus/2), or of C
    Vec<D> minus[Vectors]; // sum scale |w| minus
    Vec<D> plus[Vectors];  // sum scale |w| plus
    Vec<D> apart[Vectors]; // sum scale e^2
    Vec<D> tangent[Vectors];
};

template <bool Gap, bool Plus, bool Tangent, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void add_term(D d, const LinearRow<Real>& row, const Term<Real>& term, Position position, std::ptrdiff_t again,
                         std::size_t lane, Real left_inverse, const Vec<D>* right_inverse, Sums<D, Vectors>& sums) {
    const std::size_t width = hn::Lanes(d);
    const Real* minus = pointer(term.minus, position, again, lane);
    const Real* plus = pointer(term.plus, position, again, lane);
    const Real* tangent = pointer(term.tangent, position, again, lane);
    const Real* norm = pointer(term.right_norm, position, again, lane);
    const Real* factor = pointer(term.right_factor, position, again, lane);
    const Real coefficient = term.left * number(term.left_factor, position, again);
    const Real x = coefficient * number(term.left_norm, position, again);
    const auto scale = hn::Set(d, term.scale);
    const auto half = hn::Set(d, Real(0.5));
    const auto four = hn::Set(d, Real(4));
    for (std::size_t v = 0; v < Vectors; ++v) {
        const std::size_t at = v * width;
        auto r = hn::Set(d, term.right);
        if (factor != nullptr)
            r = hn::Mul(r, hn::LoadU(d, factor + at));
        auto y = r;
        if (norm != nullptr)
            y = hn::Mul(y, hn::LoadU(d, norm + at));
        const auto m = minus != nullptr ? hn::LoadU(d, minus + at) : hn::Zero(d);
        const auto w = hn::Mul(hn::Set(d, x), y);
        const auto both = term.value ? hn::Mul(hn::Set(d, coefficient), r) : w;
        // C(x, y) l r
        const auto value = term.value ? hn::Mul(both, m) : hn::NegMulAdd(hn::Mul(w, half), m, w);
        if constexpr (Gap) {
            const auto p = plus != nullptr ? hn::LoadU(d, plus + at) : hn::Sub(four, m);
            const auto e = hn::Sub(hn::Set(d, (x < 0 ? -x : x) * left_inverse), hn::Mul(hn::Abs(y), right_inverse[v]));
            const auto size = hn::Mul(scale, hn::Abs(w));
            const auto opposite = hn::Lt(w, hn::Zero(d));
            sums.minus[v] = hn::MulAdd(size, hn::IfThenElse(opposite, p, m), sums.minus[v]);
            if constexpr (Plus)
                sums.plus[v] = hn::MulAdd(size, hn::IfThenElse(opposite, m, p), sums.plus[v]);
            sums.apart[v] = hn::MulAdd(hn::Mul(scale, e), e, sums.apart[v]);
        } else {
            sums.value[v] = hn::MulAdd(scale, value, sums.value[v]);
        }
        if constexpr (Tangent) {
            if (tangent != nullptr) {
                const auto c = hn::Mul(scale, hn::Mul(hn::Set(d, coefficient), r));
                sums.tangent[v] = hn::MulAdd(c, hn::LoadU(d, tangent + at), sums.tangent[v]);
            }
            if (term.rate != Real(0))
                sums.tangent[v] = hn::MulAdd(hn::Set(d, term.rate), value, sums.tangent[v]);
        }
    }
    static_cast<void>(row);
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

template <bool Tangent, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void add_plain(D d, const PlainTerms<Real>& plain, Position position, std::size_t lane, Real left_inverse,
                          const Vec<D>* right_inverse, Sums<D, Vectors>& sums) {
    const std::size_t width = hn::Lanes(d);
    const auto inverse = hn::Set(d, left_inverse);
    Vec<D> size[Vectors];
    Vec<D> minus[Vectors];
    Vec<D> apart[Vectors];
    Vec<D> tangent[Vectors];
    for (std::size_t v = 0; v < Vectors; ++v)
        size[v] = minus[v] = apart[v] = tangent[v] = hn::Zero(d);
    const auto moved = [&](const Moving<Real>& m) { return position.sheet * m.sheet + position.position * m.step; };
    const std::ptrdiff_t row = moved(plain.row) + static_cast<std::ptrdiff_t>(lane);
    const std::ptrdiff_t right = moved(plain.right) + static_cast<std::ptrdiff_t>(lane);
    const std::ptrdiff_t left = moved(plain.left);
    for (std::size_t k = 0; k < plain.count; ++k) {
        const PlainTerm<Real>& term = plain.terms[k];
        const auto x = hn::Set(d, term.left[left]);
        const auto own = hn::Mul(x, inverse);
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto at = static_cast<std::ptrdiff_t>(v * width);
            const auto y = hn::LoadU(d, term.right + right + at);
            const auto w = hn::Mul(x, y);
            const auto e = hn::NegMulAdd(y, right_inverse[v], own);
            size[v] = hn::Add(size[v], w);
            minus[v] = hn::MulAdd(w, hn::LoadU(d, term.minus + row + at), minus[v]);
            apart[v] = hn::MulAdd(e, e, apart[v]);
            if constexpr (Tangent)
                tangent[v] = hn::Add(tangent[v], hn::LoadU(d, term.tangent + row + at));
        }
    }
    const auto scale = hn::Set(d, plain.scale);
    const auto rate = hn::Set(d, plain.rate);
    const auto half = hn::Set(d, Real(0.5));
    for (std::size_t v = 0; v < Vectors; ++v) {
        sums.minus[v] = hn::MulAdd(scale, minus[v], sums.minus[v]);
        sums.apart[v] = hn::MulAdd(scale, apart[v], sums.apart[v]);
        if constexpr (Tangent) {
            sums.tangent[v] = hn::MulAdd(scale, tangent[v], sums.tangent[v]);
            sums.tangent[v] = hn::MulAdd(rate, hn::NegMulAdd(half, minus[v], size[v]), sums.tangent[v]);
        }
    }
}

template <bool Gap, bool Plus, bool Tangent, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void linear_chunk(D d, const LinearRow<Real>& row, const PlainTerms<Real>& plain, std::size_t first,
                             Position position, std::size_t lane) {
    const std::size_t width = hn::Lanes(d);
    Sums<D, Vectors> sums;
    Vec<D> right_inverse[Vectors];
    const Real left_inverse = row.value ? Real(0) : number(row.left_inverse, position, 0);
    for (std::size_t v = 0; v < Vectors; ++v) {
        sums.value[v] = sums.minus[v] = sums.plus[v] = sums.apart[v] = sums.tangent[v] = hn::Zero(d);
        right_inverse[v] = row.value ? hn::Zero(d) : hn::LoadU(d, pointer(row.right_inverse, position, 0, lane + v * width));
    }
    if constexpr (Gap && !Plus)
        if (plain.count > 0)
            add_plain<Tangent, Vectors>(d, plain, position, lane, left_inverse, right_inverse, sums);
    for (std::size_t k = first; k < row.count; ++k) {
        const Term<Real>& term = row.terms[k];
        for (std::size_t again = 0; again < term.repeats; ++again)
            add_term<Gap, Plus, Tangent, Vectors>(d, row, term, position, static_cast<std::ptrdiff_t>(again), lane,
                                                  left_inverse, right_inverse, sums);
    }
    const auto zero = hn::Zero(d);
    const auto two = hn::Set(d, Real(2));
    for (std::size_t v = 0; v < Vectors; ++v) {
        const std::ptrdiff_t at =
            position.sheet * row.sheet + position.position * row.step + static_cast<std::ptrdiff_t>(lane + v * width);
        if constexpr (Tangent)
            hn::StoreU(sums.tangent[v], d, row.tangent + at);
        if (row.value) {
            hn::StoreU(sums.value[v], d, row.minus + at);
            continue;
        }
        const auto inverse = hn::Mul(hn::Set(d, left_inverse), right_inverse[v]);
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
        hn::StoreU(hn::IfThenElse(none, two, minus), d, row.minus + at);
        if constexpr (Plus)
            hn::StoreU(hn::IfThenElse(none, two, plus), d, row.plus + at);
    }
}

template <bool Gap, bool Plus, bool Tangent, class Real> HWY_INLINE void linear_row(const LinearRow<Real>& row) {
    const Tag<Real> d;
    const std::size_t width = hn::Lanes(d);
    PlainTerms<Real> plain; // the first ones, as far as they are plain
    std::size_t first = 0;
    if constexpr (Gap && !Plus)
        while (first < row.count && plain.take(row.terms[first], Tangent))
            ++first;
    for (std::size_t sheet = 0; sheet < row.sheets; ++sheet)
        for (std::size_t position = 0; position < row.positions; ++position) {
            const Position at{static_cast<std::ptrdiff_t>(sheet), static_cast<std::ptrdiff_t>(position)};
            std::size_t lane = 0;
            for (; lane + 2 * width <= row.lanes; lane += 2 * width)
                linear_chunk<Gap, Plus, Tangent, 2>(d, row, plain, first, at, lane);
            for (; lane < row.lanes; lane += width)
                linear_chunk<Gap, Plus, Tangent, 1>(d, row, plain, first, at, lane);
        }
}

template <class Real> HWY_INLINE void linear_any(const LinearRow<Real>& row) {
    const bool tangent = row.tangent != nullptr;
    const bool plus = row.plus != nullptr;
    if (row.gap && plus)
        tangent ? linear_row<true, true, true>(row) : linear_row<true, true, false>(row);
    else if (row.gap)
        tangent ? linear_row<true, false, true>(row) : linear_row<true, false, false>(row);
    else if (plus)
        tangent ? linear_row<false, true, true>(row) : linear_row<false, true, false>(row);
    else
        tangent ? linear_row<false, false, true>(row) : linear_row<false, false, false>(row);
}

// Sums of squares over coordinates for `Vectors` vectors of lanes.
template <bool Opposite, std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void squares(D d, const GramRow<Real>& row, std::size_t lane, Vec<D>* sums) {
    const std::size_t width = hn::Lanes(d);
    for (std::size_t v = 0; v < Vectors; ++v)
        sums[v] = hn::Zero(d);
    const Real* right = row.right + lane;
    for (std::size_t k = 0; k < row.length; ++k, right += row.right_stride) {
        const auto x = hn::Set(d, row.left[k]);
        for (std::size_t v = 0; v < Vectors; ++v) {
            const auto y = hn::LoadU(d, right + v * width);
            const auto e = Opposite ? hn::Add(x, y) : hn::Sub(x, y);
            sums[v] = hn::MulAdd(e, e, sums[v]);
        }
    }
}

template <std::size_t Vectors, class D, class Real = hn::TFromD<D>>
HWY_INLINE void gram_chunk(D d, const GramRow<Real>& row, std::size_t lane) {
    const std::size_t width = hn::Lanes(d);
    Vec<D> minus[Vectors];
    Vec<D> plus[Vectors];
    squares<false, Vectors>(d, row, lane, minus);
    const auto four = hn::Set(d, Real(4));
    auto least = four;
    for (std::size_t v = 0; v < Vectors; ++v) {
        plus[v] = hn::Sub(four, minus[v]);
        least = hn::Min(least, plus[v]);
    }
    const auto one = hn::Set(d, Real(1));
    if (!hn::AllFalse(d, hn::Lt(least, one))) { // nearly opposite: counted from the other end, where they are and only there
        Vec<D> opposite[Vectors];
        squares<true, Vectors>(d, row, lane, opposite);
        for (std::size_t v = 0; v < Vectors; ++v)
            plus[v] = hn::IfThenElse(hn::Lt(plus[v], one), opposite[v], plus[v]);
    }
    for (std::size_t v = 0; v < Vectors; ++v) {
        hn::StoreU(minus[v], d, row.minus + lane + v * width);
        hn::StoreU(plus[v], d, row.plus + lane + v * width);
    }
}

template <class Real> HWY_INLINE void gram_any(const GramRow<Real>& row) {
    const Tag<Real> d;
    const std::size_t width = hn::Lanes(d);
    std::size_t lane = 0;
    for (; lane + 4 * width <= row.lanes; lane += 4 * width)
        gram_chunk<4>(d, row, lane);
    for (; lane < row.lanes; lane += width)
        gram_chunk<1>(d, row, lane);
}

// runtime/gaussian/piecewise.cpp, p0 = p3 = 0, divided by the norms.
template <class Real> HWY_INLINE void homogeneous_any(const HomogeneousRow<Real>& row) {
    const Tag<Real> d;
    const std::size_t width = hn::Lanes(d);
    const auto& polynomials = gaussian::AnglePolynomials<Real>::instance();
    constexpr Real over_pi = std::numbers::inv_pi_v<Real>;
    const Real total = row.linear + row.absolute;
    const auto q1 = hn::Set(d, total > 0 ? row.linear / total : Real(0));
    const auto q2 = hn::Set(d, total > 0 ? row.absolute / total : Real(0));
    const auto zero = hn::Zero(d);
    const auto one = hn::Set(d, Real(1));
    const auto two = hn::Set(d, Real(2));
    const auto four = hn::Set(d, Real(4));
    for (std::size_t i = 0; i < row.count; i += width) {
        const auto minus = hn::Max(hn::LoadU(d, row.minus + i), zero);
        const auto plus = hn::Max(row.plus != nullptr ? hn::LoadU(d, row.plus + i) : hn::Sub(four, minus), zero);
        const auto positive = hn::Le(minus, plus);
        const auto near = hn::Min(hn::Min(minus, plus), two);
        const auto w = hn::Mul(near, hn::Set(d, Real(0.25))); // sin^2(theta / 2)
        const auto s = hn::Sqrt(w);
        const auto x = hn::Sub(near, one);
        const auto lens = hn::Mul(hn::Mul(w, s), polynomial(d, polynomials.lens, x));
        const auto even = hn::Max(hn::NegMulAdd(hn::Set(d, 4 * over_pi), lens, near), zero);
        hn::StoreU(hn::MulAdd(q1, minus, hn::Mul(q2, even)), d, row.out_minus + i);
        if (row.out_plus != nullptr)
            hn::StoreU(hn::MulAdd(q1, plus, hn::Mul(q2, hn::Sub(four, even))), d, row.out_plus + i);
        if (row.out_tangent != nullptr) {
            const auto theta = hn::Mul(s, polynomial(d, polynomials.angle, x));
            const auto close = hn::NegMulAdd(hn::Set(d, 2 * over_pi), theta, one);
            const auto signs = hn::IfThenElse(positive, close, hn::Neg(close));
            const auto slope = hn::MulAdd(hn::Set(d, row.absolute), signs, hn::Set(d, row.linear));
            hn::StoreU(hn::Mul(hn::LoadU(d, row.tangent + i), slope), d, row.out_tangent + i);
        }
    }
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
        const auto sum = [&](std::size_t parity, bool values, bool derivatives, auto& gap, auto& squares, auto& slope) {
            auto power = parity == 0 ? one : r;
            auto lost = parity == 0 ? zero : t;
            auto done = zero;
            std::size_t k = parity;
            while (k < row.terms && !hn::AllTrue(d, hn::Lt(power, nothing))) {
                for (const std::size_t stop = std::min(row.terms, k + 16); k < stop; k += 2) {
                    if (values) {
                        const auto a = hn::Set(d, row.left_values[k]);
                        const auto b = hn::LoadU(d, row.right_values + lane + k * row.right_stride);
                        const auto e = hn::Sub(a, b);
                        const auto ab = hn::Mul(a, b);
                        const auto twice = hn::Add(ab, ab);
                        const auto apart = hn::Mul(e, e);
                        gap = hn::Add(gap, hn::MulAdd(twice, lost, apart));
                        done = hn::Add(done, hn::Add(apart, twice)); // a^2 + b^2
                    }
                    if (derivatives) {
                        const auto b = hn::LoadU(d, row.right_slopes + lane + k * row.right_stride);
                        slope = hn::MulAdd(hn::Mul(hn::Set(d, row.left_slopes[k]), b), power, slope);
                    }
                    lost = hn::MulAdd(power, lost_square, lost);
                    power = hn::Mul(power, square);
                }
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

void linear_f32(const LinearRow<float>& row) {
    linear_any(row);
}
void linear_f64(const LinearRow<double>& row) {
    linear_any(row);
}
void gram_f32(const GramRow<float>& row) {
    gram_any(row);
}
void gram_f64(const GramRow<double>& row) {
    gram_any(row);
}
void homogeneous_f32(const HomogeneousRow<float>& row) {
    homogeneous_any(row);
}
void homogeneous_f64(const HomogeneousRow<double>& row) {
    homogeneous_any(row);
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

HWY_EXPORT(linear_f32);
HWY_EXPORT(linear_f64);
HWY_EXPORT(gram_f32);
HWY_EXPORT(gram_f64);
HWY_EXPORT(homogeneous_f32);
HWY_EXPORT(homogeneous_f64);
HWY_EXPORT(series_f32);
HWY_EXPORT(series_f64);

template <> void linear(const LinearRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(linear_f32)(row);
}
template <> void linear(const LinearRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(linear_f64)(row);
}
template <> void gram(const GramRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(gram_f32)(row);
}
template <> void gram(const GramRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(gram_f64)(row);
}
template <> void homogeneous(const HomogeneousRow<float>& row) {
    HWY_DYNAMIC_DISPATCH(homogeneous_f32)(row);
}
template <> void homogeneous(const HomogeneousRow<double>& row) {
    HWY_DYNAMIC_DISPATCH(homogeneous_f64)(row);
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
