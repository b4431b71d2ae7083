// Sums of terms: C and T, and the gaps where nothing cancels.
#include "compiler/plan/walk.hpp"
#include "runtime/pairs/pair_sums.hpp"
#include "runtime/samples/steady.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::execute {

using limit::PairTerm;

// <x, x_> / d of two finite vectors or, given scales, |left_scale x - right_scale x_|^2 / d and the same with a plus sign.
template <class Real>
void PairMachine<Real>::gram(const plan::TermOp& term, Real* product, Real* minus, Real* plus, const Real* left_scale,
                             const Real* right_scale) const {
    const plan::FiniteArray& left = left_.state->plan->finite[term.left_finite];
    const plan::FiniteArray& right = right_.state->plan->finite[term.right_finite];
    plan::Indices le;
    plan::Indices re;
    const bool has_left = locate(term.left_place.indices, term.left_place.mode, left.box, slots_.data(), le);
    const bool has_right = locate(term.right_place.indices, term.right_place.mode, right.box, slots_.data(), re);
    for (Real* row : {product, minus, plus})
        if (row != nullptr)
            std::fill(row, row + count_, Real(0));
    const auto length = static_cast<std::size_t>(left.length);
    const auto rows = [&](const Side<Real>& side, std::uint32_t array, const plan::Box& box, const plan::Indices& element) {
        return side.at(side.state->finite[array].data() + offset_in(box, element) * length * side.state->samples);
    };
    const Lanes<Real> l = has_left ? rows(left_, term.left_finite, left.box, le) : Lanes<Real>{};
    const Lanes<Real> r = has_right ? rows(right_, term.right_finite, right.box, re) : Lanes<Real>{};
    const std::size_t ls = left_.state->samples;
    const std::size_t rs = right_.state->samples;
    const auto pass = [&](Real* out, const auto& f) {
        if (out == nullptr)
            return;
        for (std::size_t k = 0; k < length; ++k) {
            const Real* lk = has_left ? l.data + k * ls : nullptr;
            const Real* rk = has_right ? r.data + k * rs : nullptr;
            if (left_.step == 0) {
                const Real x = lk ? *lk : Real(0);
                if (rk)
                    for (std::size_t i = 0; i < count_; ++i)
                        out[i] += f(x, rk[i], i);
                else
                    for (std::size_t i = 0; i < count_; ++i)
                        out[i] += f(x, Real(0), i);
            } else {
                for (std::size_t i = 0; i < count_; ++i)
                    out[i] += f(lk ? lk[i] : Real(0), rk ? rk[i] : Real(0), i);
            }
        }
        const Real scale = Real(1) / static_cast<Real>(length);
        for (std::size_t i = 0; i < count_; ++i)
            out[i] *= scale;
    };
    const auto square = [](Real x) { return x * x; };
    pass(product, [](Real x, Real y, std::size_t) { return x * y; });
    pass(minus, [&](Real x, Real y, std::size_t i) { return square(left_scale[i] * x - right_scale[i] * y); });
    pass(plus, [&](Real x, Real y, std::size_t i) { return square(left_scale[i] * x + right_scale[i] * y); });
}

template <class Real> void PairMachine<Real>::means(const plan::TermOp& term, Real* out) const {
    std::fill(out, out + count_, Real(1));
    const auto times = [&](const plan::Place& place, const Side<Real>& side) {
        plan::Indices element;
        const Real* mean = nullptr;
        if (locate(place.indices, place.mode, side.state->plan->boxes[place.family], slots_.data(), element))
            mean = side.state->mean_of(place.family, element);
        const Lanes<Real> lanes = mean ? side.at(mean) : Lanes<Real>{};
        for (std::size_t i = 0; i < count_; ++i)
            out[i] *= mean ? lanes[i] : Real(0);
    };
    if (term.left_mean)
        times(*term.left_mean, left_);
    if (term.right_mean)
        times(*term.right_mean, right_);
}

template <class Real> void PairMachine<Real>::add(const plan::TermOp& term, bool tangent) {
    const Weight w = weight(term);
    const auto scale = static_cast<Real>(constant(term.scale));
    const auto rate = static_cast<Real>(constant(term.rate));
    switch (term.kind) {
    case PairTerm::Kind::parameter:
    case PairTerm::Kind::input:
    case PairTerm::Kind::means:
        if (term.kind == PairTerm::Kind::input)
            gram(term, c_.data());
        else if (term.kind == PairTerm::Kind::means)
            means(term, c_.data());
        else
            std::fill(c_.begin(), c_.end(), Real(1));
        accumulate(value_.data(), c_.data(), scale, w, count_);
        if (tangent && term.kind != PairTerm::Kind::means)
            accumulate(tangent_.data(), c_.data(), rate, w, count_);
        return;
    case PairTerm::Kind::matmul:
    case PairTerm::Kind::read:
        break;
    }
    const Located read = locate_entry(term.entry);
    if (!read.stored)
        return;
    const std::size_t at = store_.at(read.entry);
    for (std::size_t i = 0; i < count_; ++i)
        c_[i] = (store_.plus[at + i] - store_.minus[at + i]) / 4;
    accumulate(value_.data(), c_.data(), scale, w, count_);
    if (tangent) {
        if (term.kind == PairTerm::Kind::matmul && rate != Real(0))
            accumulate(tangent_.data(), c_.data(), rate, w, count_);
        accumulate(tangent_.data(), store_.tangent + at, scale, w, count_);
    }
}

template <class Real>
bool PairMachine<Real>::add_run(const plan::TermOp& term, std::int64_t first, std::int64_t last, bool tangent) {
    const std::uint32_t slot = term.sums.back().slot;
    const auto end_of = [&](std::int64_t value) {
        slots_[slot] = value;
        return std::pair{locate_entry(term.entry), weight(term)};
    };
    const auto [begin, w] = end_of(first);
    const auto [end, w_end] = end_of(last);
    if (!begin.stored || !end.stored)
        return false;
    const auto steps = static_cast<std::ptrdiff_t>(last - first);
    const auto step = [&](const Real* from, const Real* to) { return from == nullptr ? 0 : (to - from) / steps; };
    const std::ptrdiff_t left_step = step(w.left_array.data, w_end.left_array.data);
    const std::ptrdiff_t right_step = step(w.right_array.data, w_end.right_array.data);
    const auto at = static_cast<std::ptrdiff_t>(store_.at(begin.entry));
    const std::ptrdiff_t at_step = (static_cast<std::ptrdiff_t>(store_.at(end.entry)) - at) / steps;
    const auto scale = static_cast<Real>(constant(term.scale));
    const Real rate = term.kind == PairTerm::Kind::matmul ? static_cast<Real>(constant(term.rate)) : Real(0);
    Real* const value = value_.data();
    Real* const slope = tangent ? tangent_.data() : nullptr;
    for (std::ptrdiff_t k = 0; k <= steps; ++k) {
        const Real* const minus = store_.minus + at + k * at_step;
        const Real* const plus = store_.plus + at + k * at_step;
        const Real* const inner = tangent ? store_.tangent + at + k * at_step : nullptr;
        const auto add = [&](const auto& l, const auto& r) { // by lane
            for (std::size_t i = 0; i < count_; ++i)
                value[i] += scale * (l(i) * r(i)) * ((plus[i] - minus[i]) / 4);
            if (slope == nullptr)
                return;
            for (std::size_t i = 0; i < count_; ++i)
                slope[i] += l(i) * r(i) * (rate * ((plus[i] - minus[i]) / 4) + scale * inner[i]);
        };
        const auto with_right = [&](const auto& l) {
            const Real* const array = w.right_array.data + k * right_step;
            if (w.right_array.data == nullptr)
                add(l, [&](std::size_t) { return w.right; });
            else if (right_.step == 1)
                add(l, [array](std::size_t i) { return array[i]; });
            else
                add(l, [array](std::size_t) { return *array; });
        };
        const Real* const array = w.left_array.data + k * left_step;
        if (w.left_array.data == nullptr)
            with_right([&](std::size_t) { return w.left; });
        else if (left_.step == 1)
            with_right([array](std::size_t i) { return array[i]; });
        else
            with_right([array](std::size_t) { return *array; });
    }
    return true;
}

template <class Real>
void PairMachine<Real>::add_sums(const plan::TermOp& term, std::size_t depth, bool steady, bool tangent) {
    if (depth == term.sums.size()) {
        if (plan::hold(term.guards, slots_.data()))
            add(term, tangent);
        return;
    }
    const plan::LoopRange& range = term.sums[depth];
    const std::int64_t first = range.first(slots_.data());
    const std::int64_t last = range.last(slots_.data());
    if (steady && depth + 1 == term.sums.size() && last > first &&
        (!plan::hold(term.guards, slots_.data()) || add_run(term, first, last, tangent)))
        return;
    for (std::int64_t i = first; i <= last; ++i) {
        slots_[range.slot] = i;
        add_sums(term, depth + 1, steady, tangent);
    }
}

// value_ = C, tangent_ = T of a linear operation.
template <class Real> void PairMachine<Real>::linear(const plan::PairOp& op, bool tangent) {
    std::fill(value_.begin(), value_.end(), Real(0));
    if (tangent)
        std::fill(tangent_.begin(), tangent_.end(), Real(0));
    for (const plan::TermOp& term : op.terms)
        add_sums(term, 0, execute::steady(term), tangent);
}

// minus_ and plus_ directly. With k^4 = A / B of the two sums, minus = Var(sum a_i / k - k b_i), to which a pair of terms
// a = l x, b = r x_ contributes |l r| (minus or plus of x, x_) + (|l| norm(x) / k - k |r| norm(x_))^2: nothing cancels.
template <class Real> void PairMachine<Real>::linear_gap(const plan::PairOp& op) {
    std::fill(minus_.begin(), minus_.end(), Real(0));
    std::fill(plus_.begin(), plus_.end(), Real(0));
    const std::array<Lanes<Real>, 2> target = seconds(op);
    for (std::size_t i = 0; i < count_; ++i) {
        const Real a = std::sqrt(target[0][i]);
        const Real b = std::sqrt(target[1][i]);
        left_scale_[i] = a > 0 && b > 0 ? std::sqrt(b / a) : Real(0);
        right_scale_[i] = a > 0 && b > 0 ? std::sqrt(a / b) : Real(0);
    }
    for (const plan::TermOp& term : op.terms)
        over_sums(term, 0, [&](bool holds) {
            const Weight w = weight(term);
            const auto scale = static_cast<Real>(constant(term.scale));
            if (term.kind == PairTerm::Kind::input) {
                for (std::size_t i = 0; i < count_; ++i) {
                    c_[i] = left_scale_[i] * (w.left_array.data ? w.left_array[i] : w.left);
                    d_[i] = right_scale_[i] * (w.right_array.data ? w.right_array[i] : w.right);
                }
                gram(term, nullptr, a_.data(), b_.data(), c_.data(), d_.data());
                for (std::size_t i = 0; i < count_; ++i) {
                    const Real independent = (a_[i] + b_[i]) / 2;
                    minus_[i] += scale * (holds ? a_[i] : independent);
                    plus_[i] += scale * (holds ? b_[i] : independent);
                }
                return;
            }
            const Real* minus = zero_.data();
            const Real* plus = nullptr;
            Lanes<Real> left_norm{zero_.data(), 1};
            Lanes<Real> right_norm{zero_.data(), 1};
            if (term.kind == PairTerm::Kind::parameter || term.kind == PairTerm::Kind::means) { // of norm 1
                std::fill(b_.begin(), b_.end(), holds ? Real(4) : Real(2));
                std::fill(c_.begin(), c_.end(), Real(1));
                plus = b_.data();
                if (!holds)
                    minus = plus;
                left_norm = right_norm = {c_.data(), 1};
            } else {
                const Located read = locate_entry(term.entry);
                if (read.left)
                    left_norm = left_.at(left_.state->norm_of(term.entry.left.family, read.left_element));
                if (read.right)
                    right_norm = right_.at(right_.state->norm_of(term.entry.right.family, read.right_element));
                if (read.stored && holds) {
                    minus = store_.minus + store_.at(read.entry);
                    plus = store_.plus + store_.at(read.entry);
                } else { // uncorrelated, or one of them reads zero
                    for (std::size_t i = 0; i < count_; ++i)
                        a_[i] = 2 * left_norm[i] * right_norm[i];
                    minus = plus = a_.data();
                }
            }
            if (w.fixed()) {
                const Real l = std::abs(w.left);
                const Real r = std::abs(w.right);
                if (w.constant < 0)
                    std::swap(minus, plus);
                for (std::size_t i = 0; i < count_; ++i) {
                    const Real difference = l * left_scale_[i] * left_norm[i] - r * right_scale_[i] * right_norm[i];
                    const Real apart = difference * difference;
                    minus_[i] += scale * (l * r * minus[i] + apart);
                    plus_[i] += scale * (l * r * plus[i] + apart);
                }
                return;
            }
            for (std::size_t i = 0; i < count_; ++i) {
                const Real l = w.left_array.data ? w.left_array[i] : w.left;
                const Real r = w.right_array.data ? w.right_array[i] : w.right;
                const Real difference =
                    std::abs(l) * left_scale_[i] * left_norm[i] - std::abs(r) * right_scale_[i] * right_norm[i];
                const Real apart = difference * difference;
                const Real both = l * r;
                minus_[i] += scale * (std::abs(both) * (both < 0 ? plus[i] : minus[i]) + apart);
                plus_[i] += scale * (std::abs(both) * (both < 0 ? minus[i] : plus[i]) + apart);
            }
        });
}

template void PairMachine<double>::gram(const plan::TermOp&, double*, double*, double*, const double*, const double*) const;
template void PairMachine<double>::linear(const plan::PairOp&, bool);
template void PairMachine<double>::linear_gap(const plan::PairOp&);
template void PairMachine<float>::gram(const plan::TermOp&, float*, float*, float*, const float*, const float*) const;
template void PairMachine<float>::linear(const plan::PairOp&, bool);
template void PairMachine<float>::linear_gap(const plan::PairOp&);

} // namespace tpc::execute
