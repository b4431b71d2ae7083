#include "runtime/pairs/moments.hpp"

#include "runtime/samples/steady.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

namespace tpc::execute {
namespace {

template <class Real> double value_of(const rows::MomentTerm<Real>& term, std::size_t lane) {
    double value = term.weight;
    if (term.value != nullptr)
        value *= term.value[lane] - (term.less != nullptr ? term.less[lane] : Real(0));
    for (const Real* factor : term.factors)
        value *= factor != nullptr ? factor[lane] : Real(1);
    return value;
}

} // namespace

using limit::PairTerm;

template <class Real>
MomentMachine<Real>::MomentMachine(State<Real>& state, const plan::Part& part, std::size_t first, std::size_t count,
                                   DualCache<Real>& duals, std::int64_t* slots)
    : state_(state), part_(part), first_(first), count_(count), duals_(duals), slots_(slots), ops_(part.ops.size()),
      lost_(state.second.size(), false), varies_(count, false) {}

template <class Real> const typename MomentMachine<Real>::Op& MomentMachine<Real>::prepared(std::uint32_t index) {
    Op& own = ops_[index];
    if (own.known)
        return own;
    own.known = true;
    const plan::PairOp& op = part_.ops[index];
    const plan::SelfPlan& plan = *state_.plan;
    for (const plan::TermOp& term : op.terms) {
        own.means = own.means || term.kind == PairTerm::Kind::means;
        const auto constant = [&](const plan::Constant& c) { return folded(plan.recursions, plan.sizes, plan.sizes, c); };
        own.terms.push_back(
            {constant(term.scale), constant(term.left_factor.constant), constant(term.right_factor.constant)});
    }
    if (op.rule != limit::Rule::dual || !state_.means[op.entry.left.family].empty())
        return own;
    const Real* second = variance(op.entry.left);
    const auto largest = static_cast<double>(*std::max_element(second, second + count_)); // the shape is that of any law
    const gaussian::Shape shape = duals_.find(op.left_function, op.right_function, largest, 0).shape();
    if (shape.kind == gaussian::Shape::Kind::homogeneous)
        own.square = static_cast<Real>(shape.linear + shape.absolute);
    return own;
}

template <class Real> Real MomentMachine<Real>::number(const plan::Constant& c) const {
    const plan::SelfPlan& plan = *state_.plan;
    return static_cast<Real>(c.fixed ? c.value
                                     : evaluate_constant(plan.recursions, plan.sizes, plan.sizes, c.expression, slots_));
}

template <class Real> bool MomentMachine<Real>::run(std::uint32_t index, std::size_t element, std::size_t entry) {
    const plan::PairOp& op = part_.ops[index];
    const Op& own = prepared(index);
    if (op.rule == limit::Rule::dual) {
        require_held(op);
        require_place(op);
        const Real* second = variance(op.entry.left);
        for (std::size_t lane = 0; lane < count_; ++lane)
            varies_[lane] = varies_[lane] || second[lane] > 0;
    }
    terms_.clear();
    if (op.rule == limit::Rule::linear) {
        for (std::size_t k = 0; k < op.terms.size(); ++k)
            collect(op.terms[k], own.terms[k], 0);
    } else if (own.square) {
        terms_.push_back({*own.square, variance(op.entry.left)});
    } else {
        return false;
    }
    const std::uint32_t family = state_.plan->recursions.network.program.statements[op.left_statement].family;
    rows::MomentRow<Real> row;
    row.lanes = count_;
    row.terms = terms_.data();
    row.count = terms_.size();
    row.second = state_.second[family].data() + element * state_.samples + first_;
    row.norm = state_.norm[family].data() + element * state_.samples + first_;
    row.minus = state_.minus.data() + entry * state_.samples + first_;
    row.plus = state_.plus.data() + entry * state_.samples + first_;
    if (!rows::moments(row) && own.square)
        throw gaussian::NoExpectation(not_finite);
    if (op.rule == limit::Rule::linear && underflows(row))
        lost_[family] = true;
    if (op.rule == limit::Rule::linear && (own.means || !state_.means[family].empty()))
        require_digits(row, own.means);
    return true;
}

template <class Real> void MomentMachine<Real>::require_held(const plan::PairOp& op) {
    constexpr Real least = std::numeric_limits<Real>::min();
    const Real* second = variance(op.entry.left);
    const bool lost = lost_[op.entry.left.family];
    if (std::any_of(second, second + count_, [&](Real v) { return v < least && (v > 0 || lost); }))
        throw MethodError(fmt::format("a variance is below {:.1e}, the least that {} precision holds: scale the data or the "
                                      "variances of the program up{}",
                                      least, std::is_same_v<Real, float> ? "single" : "double",
                                      std::is_same_v<Real, float> ? ", or compute with --dtype f64" : ""));
}

template <class Real> void MomentMachine<Real>::require_place(const plan::PairOp& op) {
    constexpr double epsilon = std::numeric_limits<Real>::epsilon();
    const Real* second = variance(op.entry.left);
    const Real* means = op.left_function ? mean(op.entry.left) : nullptr;
    for (std::size_t lane = 0; means != nullptr && lane < count_; ++lane) {
        const double at = means[lane], deviation = std::sqrt(static_cast<double>(second[lane]));
        if (epsilon * std::abs(at) <= duals_.digits() * deviation)
            continue;
        const auto next = static_cast<Real>(at * (1 + 2 * epsilon));
        const std::array<Real, 4> places{means[lane], next, static_cast<Real>(at + deviation),
                                         static_cast<Real>(at - deviation)};
        const std::array<Real, 4> variances{second[lane], second[lane], second[lane], second[lane]};
        std::array<Real, 4> values{};
        try {
            duals_.expectation(*op.left_function, places.size(), variances.data(), places.data(), values.data());
        } catch (const MethodError&) { // for rounding
            refuse_mean<Real>();
        }
        const double size = std::max({std::abs(values[0]), std::abs(values[2]), std::abs(values[3])});
        if (std::abs(values[1] - values[0]) <= 2 * duals_.digits() * size)
            continue;
        refuse_mean<Real>();
    }
}

template <class Real> void MomentMachine<Real>::require_digits(const rows::MomentRow<Real>& row, bool means) {
    constexpr bool single = std::is_same_v<Real, float>;
    constexpr double epsilon = std::numeric_limits<Real>::epsilon();
    const double most = duals_.digits(); // of what is left
    for (std::size_t lane = 0; lane < row.lanes; ++lane) {
        double sum = 0, size = 0, largest = 0;
        for (std::size_t k = 0; k < row.count; ++k) {
            const double value = value_of(row.terms[k], lane);
            sum += value;
            size += std::abs(value);
            largest = std::max(largest, std::abs(value));
        }
        const double rounding = epsilon * size, rest = std::abs(sum);
        if (size > largest && rounding > most * (size - largest))
            varies_[lane] = true;
        if (!means || (rest <= 16 * rounding ? !varies_[lane] : rounding <= most * rest))
            continue;
        throw MethodError(fmt::format("a mean is so large beside the deviations from it that, where it is subtracted, {} "
                                      "precision leaves them to rounding: leave it out{}",
                                      single ? "single" : "double", single ? ", or compute with --dtype f64" : ""));
    }
}

template <class Real> bool MomentMachine<Real>::underflows(const rows::MomentRow<Real>& row) const {
    const auto is_zero = [](const rows::MomentTerm<Real>& term, std::size_t lane) {
        return term.weight == 0 || (term.value != nullptr && term.value[lane] == 0) ||
               std::ranges::any_of(term.factors, [&](const Real* f) { return f != nullptr && f[lane] == 0; });
    };
    for (std::size_t lane = 0; lane < row.lanes; ++lane) {
        if (row.second[lane] != 0)
            continue;
        bool any = false;
        double size = 0; // terms that cancel are of some size
        for (std::size_t k = 0; k < row.count; ++k) {
            any = any || (row.terms[k].less == nullptr && !is_zero(row.terms[k], lane));
            size += std::abs(value_of(row.terms[k], lane));
        }
        if (any && size < std::numeric_limits<Real>::min())
            return true;
    }
    return false;
}

template <class Real> const Real* MomentMachine<Real>::variance(const plan::Place& place) {
    if (!locate(place.indices, place.mode, state_.plan->boxes[place.family], slots_, left_))
        throw MethodError("a nonlinearity of an element outside its family");
    return state_.second_of(place.family, left_) + first_;
}

template <class Real> void MomentMachine<Real>::collect(const plan::TermOp& op, const Term& term, std::size_t depth) {
    if (depth < op.sums.size()) {
        const plan::LoopRange& range = op.sums[depth];
        const std::int64_t upper = range.last(slots_);
        const std::int64_t lower = range.first(slots_);
        if (depth + 1 == op.sums.size() && upper > lower && steady(op) && collect_run(op, term, lower, upper))
            return;
        for (std::int64_t i = lower; i <= upper; ++i) {
            slots_[range.slot] = i;
            collect(op, term, depth + 1);
        }
        return;
    }
    for (const plan::Guard& guard : op.guards)
        if (!guard.holds(slots_))
            return;
    rows::MomentTerm<Real> out;
    out.weight = number(term.scale);
    if (op.left_factor.array)
        out.factors[0] = factor(op.left_factor);
    else
        out.weight *= number(term.left);
    if (op.right_factor.array)
        out.factors[1] = factor(op.right_factor);
    else
        out.weight *= number(term.right);
    add(op, out);
}

// The terms at both ends of a steady sum, and those between at addresses between; false where an index leaves its family.
template <class Real>
bool MomentMachine<Real>::collect_run(const plan::TermOp& op, const Term& term, std::int64_t first, std::int64_t last) {
    const std::size_t before = terms_.size();
    for (const std::int64_t end : {first, last}) {
        slots_[op.sums.back().slot] = end;
        collect(op, term, op.sums.size());
    }
    if (terms_.size() != before + 2) {
        terms_.resize(before);
        return !plan::hold(op.guards, slots_);
    }
    rows::MomentTerm<Real> at = terms_[before];
    const rows::MomentTerm<Real> end = terms_[before + 1];
    terms_.resize(before);
    const std::ptrdiff_t steps = last - first;
    const auto step = [&](const Real* from, const Real* to) { return from == nullptr ? 0 : (to - from) / steps; };
    const std::ptrdiff_t value = step(at.value, end.value);
    std::array<std::ptrdiff_t, 3> factors{};
    for (std::size_t f = 0; f < factors.size(); ++f)
        factors[f] = step(at.factors[f], end.factors[f]);
    const bool less = at.less != nullptr || end.less != nullptr; // 0 for an element with itself
    for (std::ptrdiff_t k = 0; k <= steps; ++k) {
        at.less = less ? state_.minus.data() + (at.value - state_.plus.data()) : nullptr;
        terms_.push_back(at);
        at.value += value;
        for (std::size_t f = 0; f < factors.size(); ++f)
            if (at.factors[f] != nullptr)
                at.factors[f] += factors[f];
    }
    return true;
}

template <class Real> void MomentMachine<Real>::add(const plan::TermOp& op, rows::MomentTerm<Real> term) {
    const plan::SelfPlan& plan = *state_.plan;
    switch (op.kind) {
    case PairTerm::Kind::parameter:
        terms_.push_back(term);
        return;
    case PairTerm::Kind::means:
        if ((op.left_mean && (term.value = mean(*op.left_mean)) == nullptr) ||
            (op.right_mean && (term.factors[2] = mean(*op.right_mean)) == nullptr))
            return;
        terms_.push_back(term);
        return;
    case PairTerm::Kind::input: {
        const plan::FiniteArray& x = plan.finite[op.left_finite];
        const plan::FiniteArray& y = plan.finite[op.right_finite];
        if (!locate(op.left_place.indices, op.left_place.mode, x.box, slots_, left_) ||
            !locate(op.right_place.indices, op.right_place.mode, y.box, slots_, right_))
            return;
        const auto length = static_cast<std::size_t>(x.length);
        term.weight /= static_cast<Real>(length);
        for (std::size_t k = 0; k < length; ++k) {
            term.value = at(state_.finite[op.left_finite], offset_in(x.box, left_) * length + k);
            term.factors[2] = at(state_.finite[op.right_finite], offset_in(y.box, right_) * length + k);
            terms_.push_back(term);
        }
        return;
    }
    case PairTerm::Kind::matmul:
    case PairTerm::Kind::read:
        if (read(op.entry, term))
            terms_.push_back(term);
        return;
    }
}

// False where the entry is zero.
template <class Real> bool MomentMachine<Real>::read(const plan::EntryRead& entry, rows::MomentTerm<Real>& term) {
    const plan::SelfPlan& plan = *state_.plan;
    if (entry.array == plan::no_array ||
        !locate(entry.left.indices, entry.left.mode, plan.box_of(entry.left.family), slots_, left_) ||
        !locate(entry.right.indices, entry.right.mode, plan.box_of(entry.right.family), slots_, right_))
        return false;
    const plan::PairArray& array = part_.arrays[entry.array];
    const std::size_t stored = entry_offset(array, left_, right_);
    term.value = at(state_.plus, stored);
    term.weight /= 4;
    // the gap of an element to itself is 0
    if (array.sums || array.value || entry.left.family != entry.right.family || left_ != right_)
        term.less = at(state_.minus, stored);
    return true;
}

template <class Real> const Real* MomentMachine<Real>::factor(const plan::Factor& factor) {
    left_.clear();
    for (const plan::Linear& index : factor.point)
        left_.push_back(index(slots_));
    return at(state_.coefficients[*factor.array], offset_in(state_.plan->coefficients[*factor.array].box, left_));
}

// Null: zero.
template <class Real> const Real* MomentMachine<Real>::mean(const plan::Place& place) {
    if (!locate(place.indices, place.mode, state_.plan->boxes[place.family], slots_, left_))
        return nullptr;
    const Real* mean = state_.mean_of(place.family, left_);
    return mean != nullptr ? mean + first_ : nullptr;
}

template class MomentMachine<double>;
template class MomentMachine<float>;

} // namespace tpc::execute
