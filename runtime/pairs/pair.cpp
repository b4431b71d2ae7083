#include "runtime/pairs/pair.hpp"

#include "compiler/plan/walk.hpp"
#include "runtime/gaussian/correlation.hpp"
#include "runtime/pairs/pair_sums.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::execute {

using limit::PairTerm;

template <class Real>
PairMachine<Real>::PairMachine(const plan::Part& part, const limit::Recursions& recursions, const Side<Real>& left,
                               const Side<Real>& right, const Store<Real>& store, std::size_t count, DualCache<Real>& duals,
                               JointCache& joints, const std::vector<DualFeatures<Real>>* features)
    : part_(part), recursions_(recursions), left_(left), right_(right), store_(store), count_(count), duals_(duals),
      joints_(joints), features_(features), slots_(recursions.network.program.symbols.size(), 0) {
    for (auto* row : {&value_, &minus_, &plus_, &tangent_, &a_, &b_, &c_, &d_, &slope_, &zero_, &left_scale_, &right_scale_})
        row->assign(count, Real(0));
}

template <class Real>
typename PairMachine<Real>::Located
PairMachine<Real>::locate_in(const plan::EntryRead& read, const std::vector<plan::PairArray>& arrays,
                             const plan::SelfPlan& left, const plan::SelfPlan& right) const {
    Located located;
    located.left =
        locate(read.left.indices, read.left.mode, left.box_of(read.left.family), slots_.data(), located.left_element);
    located.right =
        locate(read.right.indices, read.right.mode, right.box_of(read.right.family), slots_.data(), located.right_element);
    if (located.left && located.right && read.array != plan::no_array) {
        located.stored = true;
        located.entry = entry_offset(arrays[read.array], located.left_element, located.right_element);
    }
    return located;
}

template <class Real>
typename PairMachine<Real>::Located PairMachine<Real>::locate_entry(const plan::EntryRead& read) const {
    return locate_in(read, part_.arrays, *left_.state->plan, *right_.state->plan);
}

template <class Real> double PairMachine<Real>::constant(const plan::Constant& c) const {
    return c.fixed ? c.value
                   : evaluate_constant(recursions_, left_.state->plan->sizes, right_.state->plan->sizes, c.expression,
                                       slots_.data());
}

template <class Real> Lanes<Real> PairMachine<Real>::factor_array(const plan::Factor& factor, const Side<Real>& side) const {
    if (!factor.array)
        return {};
    const plan::Box& box = side.state->plan->coefficients[*factor.array].box;
    plan::Indices indices;
    for (const plan::Linear& index : factor.point)
        indices.push_back(index(slots_.data()));
    return side.at(side.state->coefficients[*factor.array].data() + offset_in(box, indices) * side.state->samples);
}

template <class Real> typename PairMachine<Real>::Weight PairMachine<Real>::weight(const plan::TermOp& term) const {
    Weight w;
    w.left_array = factor_array(term.left_factor, left_);
    w.right_array = factor_array(term.right_factor, right_);
    w.left = w.left_array.data ? Real(1) : static_cast<Real>(constant(term.left_factor.constant));
    w.right = w.right_array.data ? Real(1) : static_cast<Real>(constant(term.right_factor.constant));
    w.constant = w.left * w.right;
    return w;
}

// Second moments of the two elements that an operation writes.
template <class Real> std::array<Lanes<Real>, 2> PairMachine<Real>::seconds(const plan::PairOp& op) const {
    const auto second = [&](std::size_t statement, const std::vector<plan::Linear>& indices, const Side<Real>& side) {
        plan::Indices element;
        for (const plan::Linear& index : indices)
            element.push_back(index(slots_.data()));
        return side.at(side.state->second_of(recursions_.network.program.statements[statement].family, element));
    };
    return {second(op.left_statement, op.left_target, left_), second(op.right_statement, op.right_target, right_)};
}

// minus_ and plus_ from value_ and the second moments of the two elements.
template <class Real> void PairMachine<Real>::finish_moments(const plan::PairOp& op, bool diagonal) {
    if (!diagonal && part_.arrays[op.array].value) { // C alone
        for (std::size_t i = 0; i < count_; ++i) {
            minus_[i] = -2 * value_[i];
            plus_[i] = 2 * value_[i];
        }
        return;
    }
    if (diagonal) {
        for (std::size_t i = 0; i < count_; ++i) {
            minus_[i] = 0;
            plus_[i] = 4 * std::max(value_[i], Real(0)); // what cancels may end below zero
        }
        return;
    }
    const auto [a, b] = seconds(op);
    for (std::size_t i = 0; i < count_; ++i) {
        const Real product = gaussian::root_product(a[i], b[i]);
        minus_[i] = std::max(2 * (product - value_[i]), Real(0));
        plus_[i] = std::max(2 * (product + value_[i]), Real(0));
    }
}

template <class Real> std::size_t PairMachine<Real>::target(const plan::PairOp& op) const {
    plan::Indices left;
    plan::Indices right;
    for (const plan::Linear& index : op.left_target)
        left.push_back(index(slots_.data()));
    for (const plan::Linear& index : op.right_target)
        right.push_back(index(slots_.data()));
    return entry_offset(part_.arrays[op.array], left, right);
}

template <class Real> void PairMachine<Real>::settle_equal_lanes(const plan::PairOp& op, std::size_t entry) {
    if (equal_lanes_.empty() || op.output || op.left_statement != op.right_statement || part_.arrays[op.array].value)
        return;
    plan::Indices element;
    for (std::size_t d = 0; d < op.left_target.size(); ++d) {
        element.push_back(op.left_target[d](slots_.data()));
        if (op.right_target[d](slots_.data()) != element.back())
            return;
    }
    const std::uint32_t family = recursions_.network.program.statements[op.left_statement].family;
    const Lanes<Real> second = left_.at(left_.state->second_of(family, element));
    for (const std::size_t lane : equal_lanes_) {
        store_.minus[store_.at(entry) + lane] = 0;
        store_.plus[store_.at(entry) + lane] = 4 * second[lane];
    }
}

template <class Real> std::size_t PairMachine<Real>::run(std::uint32_t index, bool diagonal) {
    const plan::PairOp& op = part_.ops[index];
    const std::size_t entry = target(op);
    const std::size_t at = store_.at(entry);
    const bool tangent = op.tangent && store_.tangent != nullptr;
    use_ = use(op);
    switch (op.rule) {
    case limit::Rule::dual:
        dual(op, index, diagonal, tangent, entry);
        settle_equal_lanes(op, entry);
        return entry;
    case limit::Rule::linear: {
        const bool gap = op.gap_linear && !part_.arrays[op.array].value;
        if (!gap || tangent)
            linear(op, tangent);
        if (gap)
            linear_gap(op);
        else
            finish_moments(op, diagonal);
        break;
    }
    case limit::Rule::product:
        product(op, tangent);
        finish_moments(op, diagonal);
        break;
    }
    std::copy(minus_.begin(), minus_.end(), store_.minus + at);
    std::copy(plus_.begin(), plus_.end(), store_.plus + at);
    if (tangent)
        std::copy(tangent_.begin(), tangent_.end(), store_.tangent + at);
    settle_equal_lanes(op, entry);
    return entry;
}

template <class Real>
void PairMachine<Real>::visit_reads(std::uint32_t index, const std::function<void(std::size_t, bool)>& visit) {
    const plan::PairOp& op = part_.ops[index];
    const auto entry = [&](const plan::EntryRead& read, bool law) {
        if (const Located located = locate_entry(read); located.stored)
            visit(located.entry, law);
    };
    if (op.rule == limit::Rule::dual)
        entry(op.entry, true);
    for (const plan::GroupOp& group : op.groups)
        if (group.joint && !group.left.empty() && !group.right.empty()) {
            for (const JointLaw::Entry& read : joint_term(group, op.tangent && store_.tangent != nullptr).cross)
                if (read)
                    visit(*read, true);
        } else if (group.cross) {
            entry(group.entry, false);
        }
    for (const plan::TermOp& term : op.terms)
        if (term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read)
            over_sums(term, 0, [&](bool holds) {
                if (holds)
                    entry(term.entry, false);
            });
}

template <class Real> void PairMachine<Real>::output(std::uint32_t index, Real* nngp, Real* ntk) {
    linear(part_.ops[index], ntk != nullptr);
    std::copy(value_.begin(), value_.end(), nngp);
    if (ntk != nullptr)
        std::copy(tangent_.begin(), tangent_.end(), ntk);
}

template class PairMachine<double>;
template class PairMachine<float>;

} // namespace tpc::execute
