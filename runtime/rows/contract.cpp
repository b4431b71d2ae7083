// Compiled once for every instruction set by Highway, like rows.cpp.
#include "runtime/rows/contract.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/contract.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class Real> using ContractTag = hn::CappedTag<Real, lane_step<Real>>;

// Sums for a block of weights x entries are in registers: of 32, or of 16.
constexpr bool many_registers = HWY_MAX_BYTES >= 64;
constexpr std::size_t block_weights = many_registers ? 4 : 2;
constexpr std::size_t block_entries = many_registers ? 3 : 2;

// Numbers of the closing: how they move with weights and with entries.
template <class Real> struct Moved {
    const Real* data = nullptr;
    std::ptrdiff_t weight = 0, entry = 0;
    // At the first weight of an entry.
    [[nodiscard]] HWY_INLINE Moved from(std::ptrdiff_t e) const {
        return {data == nullptr ? nullptr : data + e * entry, data == nullptr ? 0 : weight, 0};
    }
    HWY_INLINE void next() { data += weight; }
};
template <class Real> struct Closing {
    Moved<Real> also, also_tangent, left_factor, right_factor, left_inverse, right_inverse;
    Real also_scale = 0, also_rate = 0;
    std::ptrdiff_t plus = 0; // from where minus or C is written; 0: not wanted
    bool any = false;        // there is more to do than to write C and T
};

// Weights move with one of sheets and positions, entries with the other one.
template <class Real> struct Blocks {
    const Real* weights = nullptr; // by lane, or a number for all of them; null: 1
    std::ptrdiff_t weight = 0, weight_again = 0;
    const Real* values = nullptr;
    const Real* tangents = nullptr;
    std::ptrdiff_t entry = 0, entry_again = 0;
    std::size_t repeats = 0;
    Real scale = 1, rate = 0;
    Real* out = nullptr;
    Real* out_tangent = nullptr;
    std::ptrdiff_t out_weight = 0, out_entry = 0;
};

// What is left to do of some entries with all weights, which were just written and are in the nearest cache.
template <bool Also, bool Factors, bool Gaps, class Real>
HWY_INLINE void close(const Blocks<Real>& b, const Closing<Real>& own, std::size_t weights, std::size_t entries) {
    const ContractTag<Real> d;
    const auto zero = hn::Zero(d);
    const auto two = hn::Set(d, Real(2));
    const auto also_scale = hn::Set(d, own.also_scale);
    const auto also_rate = hn::Set(d, own.also_rate);
    for (std::size_t k = 0; k < entries; ++k) {
        const auto e = static_cast<std::ptrdiff_t>(k);
        Real* out = b.out + e * b.out_entry;
        Real* tangent = b.out_tangent == nullptr ? nullptr : b.out_tangent + e * b.out_entry;
        Moved<Real> also = own.also.from(e), also_tangent = own.also_tangent.from(e), left = own.left_factor.from(e),
                    right = own.right_factor.from(e), left_inverse = own.left_inverse.from(e),
                    right_inverse = own.right_inverse.from(e);
        for (std::size_t w = 0; w < weights; ++w) {
            auto c = hn::LoadU(d, out);
            auto t = tangent == nullptr ? zero : hn::LoadU(d, tangent);
            if constexpr (Also) {
                const auto value = hn::LoadU(d, also.data);
                c = hn::MulAdd(also_scale, value, c);
                t = hn::MulAdd(also_rate, value, t);
                if (also_tangent.data != nullptr)
                    t = hn::MulAdd(also_scale, hn::LoadU(d, also_tangent.data), t);
                also.next();
                also_tangent.next();
            }
            if constexpr (Factors) {
                auto factor = hn::Set(d, left.data == nullptr ? Real(1) : *left.data);
                if (right.data != nullptr)
                    factor = hn::Mul(factor, hn::LoadU(d, right.data));
                c = hn::Mul(factor, c);
                t = hn::Mul(factor, t);
                left.next();
                right.next();
            }
            if constexpr (Gaps) {
                const auto inverse = hn::Mul(hn::Set(d, *left_inverse.data), hn::LoadU(d, right_inverse.data));
                const auto correlation = hn::Mul(c, inverse);
                const auto none = hn::Eq(inverse, zero); // an element that is 0 correlates with nothing
                c = hn::IfThenElse(none, two, hn::Max(hn::NegMulAdd(two, correlation, two), zero));
                if (own.plus != 0)
                    hn::StoreU(hn::IfThenElse(none, two, hn::Max(hn::MulAdd(two, correlation, two), zero)), d,
                               out + own.plus);
                left_inverse.next();
                right_inverse.next();
            }
            hn::StoreU(c, d, out);
            out += b.out_weight;
            if (tangent != nullptr && (Also || Factors)) {
                hn::StoreU(t, d, tangent);
                tangent += b.out_weight;
            }
        }
    }
}
template <class Real>
void close_any(const Blocks<Real>& b, const Closing<Real>& own, std::size_t weights, std::size_t entries) {
    const bool factors = own.left_factor.data != nullptr || own.right_factor.data != nullptr;
    const auto with = [&](auto also, auto gaps) {
        constexpr bool Also = decltype(also)::value, Gaps = decltype(gaps)::value;
        factors ? close<Also, true, Gaps>(b, own, weights, entries) : close<Also, false, Gaps>(b, own, weights, entries);
    };
    const std::true_type yes;
    const std::false_type no;
    if (own.left_inverse.data != nullptr)
        own.also.data != nullptr ? with(yes, yes) : with(no, yes);
    else
        own.also.data != nullptr ? with(yes, no) : with(no, no);
}

template <bool Number, bool Tangent, std::size_t Weights, std::size_t Entries, class Real>
HWY_INLINE void block(const Blocks<Real>& b) {
    const ContractTag<Real> d;
    using V = hn::Vec<decltype(d)>;
    V sums[Weights][Entries];
    V tangents[Weights][Entries];
    for (std::size_t w = 0; w < Weights; ++w)
        for (std::size_t e = 0; e < Entries; ++e)
            sums[w][e] = tangents[w][e] = hn::Zero(d);
    const Real* weight = b.weights;
    const Real* value = b.values;
    const Real* tangent = b.tangents;
    for (std::size_t k = 0; k < b.repeats; ++k) {
        V c[Entries];
        V t[Entries];
        for (std::size_t e = 0; e < Entries; ++e) {
            c[e] = hn::LoadU(d, value + static_cast<std::ptrdiff_t>(e) * b.entry);
            if constexpr (Tangent)
                t[e] = hn::LoadU(d, tangent + static_cast<std::ptrdiff_t>(e) * b.entry);
        }
        for (std::size_t w = 0; w < Weights; ++w) {
            const Real* at = weight + static_cast<std::ptrdiff_t>(w) * b.weight;
            V own;
            if constexpr (Number)
                own = hn::Set(d, *at);
            else
                own = hn::LoadU(d, at);
            for (std::size_t e = 0; e < Entries; ++e) {
                sums[w][e] = hn::MulAdd(own, c[e], sums[w][e]);
                if constexpr (Tangent)
                    tangents[w][e] = hn::MulAdd(own, t[e], tangents[w][e]);
            }
        }
        weight += b.weight_again;
        value += b.entry_again;
        if constexpr (Tangent)
            tangent += b.entry_again;
    }
    const auto scale = hn::Set(d, b.scale);
    const auto rate = hn::Set(d, b.rate);
    for (std::size_t w = 0; w < Weights; ++w)
        for (std::size_t e = 0; e < Entries; ++e) {
            const std::ptrdiff_t at =
                static_cast<std::ptrdiff_t>(w) * b.out_weight + static_cast<std::ptrdiff_t>(e) * b.out_entry;
            hn::StoreU(hn::Mul(scale, sums[w][e]), d, b.out + at);
            if (b.out_tangent != nullptr)
                hn::StoreU(hn::MulAdd(rate, sums[w][e], hn::Mul(scale, tangents[w][e])), d, b.out_tangent + at);
        }
}

template <bool Number, bool Tangent, std::size_t Entries, class Real>
HWY_INLINE void over_weights(Blocks<Real> b, std::size_t weights) {
    const auto move = [&](std::size_t by) {
        b.weights += static_cast<std::ptrdiff_t>(by) * b.weight;
        b.out += static_cast<std::ptrdiff_t>(by) * b.out_weight;
        if (b.out_tangent != nullptr)
            b.out_tangent += static_cast<std::ptrdiff_t>(by) * b.out_weight;
        weights -= by;
    };
    while (weights >= block_weights) {
        block<Number, Tangent, block_weights, Entries>(b);
        move(block_weights);
    }
    if constexpr (block_weights > 2)
        if (weights >= 2) {
            block<Number, Tangent, 2, Entries>(b);
            move(2);
        }
    if (weights == 1)
        block<Number, Tangent, 1, Entries>(b);
}

template <bool Number, bool Tangent, class Real>
HWY_INLINE void over_entries(const Blocks<Real>& b, std::size_t weights, std::size_t entries) {
    if (entries == 1)
        over_weights<Number, Tangent, 1>(b, weights);
    else if (entries == 2)
        over_weights<Number, Tangent, 2>(b, weights);
    else
        over_weights<Number, Tangent, block_entries>(b, weights);
}

// C of the entries of one block, for one vector of lanes, with the factors that do not move with the weights.
template <class Real>
HWY_INLINE void gather(const Term<Real>& term, bool by_sheet, std::ptrdiff_t first, std::size_t entries, std::size_t lane,
                       Blocks<Real>& b, Real* scratch) {
    const ContractTag<Real> d;
    const auto width = static_cast<std::ptrdiff_t>(hn::Lanes(d));
    const auto stride = [&](const Moving<Real>& m) { return by_sheet ? m.sheet : m.step; };
    const auto at = [&](const Moving<Real>& m, std::ptrdiff_t e, std::ptrdiff_t k, std::size_t own) {
        return m.data + e * stride(m) + k * m.again + own;
    };
    const bool left_weighs = !by_sheet; // the left factor is the weight
    const auto repeats = static_cast<std::ptrdiff_t>(term.repeats);
    const bool has_tangent = term.tangent.data != nullptr;
    b.entry = repeats * width;
    b.entry_again = width;
    b.values = scratch;
    b.tangents = has_tangent ? scratch + static_cast<std::ptrdiff_t>(entries) * b.entry : nullptr;
    Real* values = scratch;
    Real* tangents = scratch + static_cast<std::ptrdiff_t>(entries) * b.entry;
    const auto half = hn::Set(d, Real(0.5));
    for (std::ptrdiff_t e = first; e < first + static_cast<std::ptrdiff_t>(entries); ++e)
        for (std::ptrdiff_t k = 0; k < repeats; ++k, values += width, tangents += width) {
            auto factor = hn::Set(d, Real(1));
            if (!left_weighs && term.left_factor.data != nullptr)
                factor = hn::Set(d, *at(term.left_factor, e, k, 0));
            if (left_weighs && term.right_factor.data != nullptr)
                factor = hn::Mul(factor, hn::LoadU(d, at(term.right_factor, e, k, lane)));
            auto w = factor;
            auto value = w;
            if (term.value) {
                value = hn::Mul(w, hn::LoadU(d, at(term.minus, e, k, lane)));
            } else {
                if (term.left_norm.data != nullptr)
                    w = hn::Mul(w, hn::Set(d, *at(term.left_norm, e, k, 0)));
                if (term.right_norm.data != nullptr)
                    w = hn::Mul(w, hn::LoadU(d, at(term.right_norm, e, k, lane)));
                value = term.minus.data == nullptr
                            ? w
                            : hn::NegMulAdd(hn::Mul(w, half), hn::LoadU(d, at(term.minus, e, k, lane)), w);
            }
            hn::StoreU(value, d, values);
            if (has_tangent)
                hn::StoreU(hn::Mul(factor, hn::LoadU(d, at(term.tangent, e, k, lane))), d, tangents);
        }
}

template <class Real> HWY_INLINE void contract_any(const ContractRow<Real>& row, Real* scratch) {
    const ContractTag<Real> d;
    const std::size_t width = hn::Lanes(d);
    const Term<Real>& term = *row.term;
    const bool by_sheet = entries_by_sheet(term);
    const Moving<Real>& weights = by_sheet ? term.right_factor : term.left_factor;
    const bool number = !by_sheet || weights.data == nullptr;
    static constexpr Real one = 1;
    const std::size_t weight_count = by_sheet ? row.positions : row.sheets;
    const std::size_t entry_count = by_sheet ? row.sheets : row.positions;
    const bool direct =
        term.value && (by_sheet ? term.left_factor : term.right_factor).data == nullptr &&
        (term.tangent.data == nullptr || (term.tangent.again == term.minus.again && term.tangent.step == term.minus.step &&
                                          term.tangent.sheet == term.minus.sheet));
    Blocks<Real> b;
    b.repeats = term.repeats;
    const Real constants = term.left * term.right;
    b.scale = term.scale * constants;
    b.rate = term.rate * constants;
    b.weight = by_sheet ? weights.step : weights.sheet;
    b.weight_again = weights.again;
    b.out_weight = by_sheet ? row.step : row.sheet;
    b.out_entry = by_sheet ? row.sheet : row.step;
    const auto moved = [&](const Moving<Real>& m) {
        return by_sheet ? Moved<Real>{m.data, m.step, m.sheet} : Moved<Real>{m.data, m.sheet, m.step};
    };
    Closing<Real> closing;
    if (row.also != nullptr) {
        const Real numbers = row.also->left * row.also->right;
        closing.also = moved(row.also->minus);
        closing.also_tangent = moved(row.also->tangent);
        closing.also_scale = row.also->scale * numbers;
        closing.also_rate = row.also->rate * numbers;
    }
    if (row.closing != nullptr) {
        closing.left_factor = moved(row.closing->left_factor);
        closing.right_factor = moved(row.closing->right_factor);
        closing.left_inverse = moved(row.closing->left_inverse);
        closing.right_inverse = moved(row.closing->right_inverse);
        closing.plus = row.closing->plus != nullptr ? row.closing->plus - row.value : 0;
    }
    closing.any = closing.also.data != nullptr || closing.left_factor.data != nullptr ||
                  closing.right_factor.data != nullptr || closing.left_inverse.data != nullptr;
    for (std::size_t lane = 0; lane < row.lanes; lane += width)
        for (std::size_t first = 0; first < entry_count; first += block_entries) {
            const std::size_t entries = std::min(block_entries, entry_count - first);
            const auto from = static_cast<std::ptrdiff_t>(first);
            b.weights = weights.data == nullptr ? &one : weights.data + (by_sheet ? lane : 0);
            if (direct) {
                b.entry = by_sheet ? term.minus.sheet : term.minus.step;
                b.entry_again = term.minus.again;
                b.values = term.minus.data + from * b.entry + lane;
                b.tangents = term.tangent.data == nullptr ? nullptr : term.tangent.data + from * b.entry + lane;
            } else {
                gather(term, by_sheet, from, entries, lane, b, scratch);
            }
            b.out = row.value + from * b.out_entry + lane;
            b.out_tangent = row.tangent == nullptr ? nullptr : row.tangent + from * b.out_entry + lane;
            const bool tangent = row.tangent != nullptr && b.tangents != nullptr;
            if (number)
                tangent ? over_entries<true, true>(b, weight_count, entries)
                        : over_entries<true, false>(b, weight_count, entries);
            else
                tangent ? over_entries<false, true>(b, weight_count, entries)
                        : over_entries<false, false>(b, weight_count, entries);
            if (closing.any) {
                Closing<Real> here = closing;
                const auto move = [&](Moved<Real>& m, std::size_t lanes) {
                    if (m.data != nullptr)
                        m.data += from * m.entry + static_cast<std::ptrdiff_t>(lanes);
                };
                for (Moved<Real>* by_lane : {&here.also, &here.also_tangent, &here.right_factor, &here.right_inverse})
                    move(*by_lane, lane);
                for (Moved<Real>* of_left : {&here.left_factor, &here.left_inverse})
                    move(*of_left, 0);
                close_any(b, here, weight_count, entries);
            }
        }
}

void contract_f32(const ContractRow<float>& row, float* scratch) {
    contract_any(row, scratch);
}
void contract_f64(const ContractRow<double>& row, double* scratch) {
    contract_any(row, scratch);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {
namespace {

constexpr std::size_t fewest_repeats = 4;

} // namespace

std::size_t contract_scratch(std::size_t repeats) {
    constexpr std::size_t most_entries = 3;
    return 2 * most_entries * repeats * lane_step<float>;
}

template <class Real> bool contracts(const Term<Real>& term, std::size_t sheets, std::size_t positions) {
    if (term.repeats < fewest_repeats || (!term.value && term.minus.data == nullptr))
        return false;
    const bool single = sheets == 1 && positions == 1;
    return entries_by_sheet(term) ? positions > 1 || single : entries_by_position(term) && (sheets > 1 || single);
}

HWY_EXPORT(contract_f32);
HWY_EXPORT(contract_f64);

template <> void contract(const ContractRow<float>& row, float* scratch) {
    HWY_DYNAMIC_DISPATCH(contract_f32)(row, scratch);
}
template <> void contract(const ContractRow<double>& row, double* scratch) {
    HWY_DYNAMIC_DISPATCH(contract_f64)(row, scratch);
}
template bool contracts(const Term<float>&, std::size_t, std::size_t);
template bool contracts(const Term<double>&, std::size_t, std::size_t);

} // namespace tpc::rows
#endif
