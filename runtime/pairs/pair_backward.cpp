// Operations transposed: D.
#include "compiler/plan/walk.hpp"
#include "runtime/pairs/pair_sums.hpp"

#include <algorithm>

namespace tpc::execute {

using limit::PairTerm;

template <class Real> void PairMachine<Real>::run_backward(std::uint32_t index, Real* ntk) {
    const plan::PairOp& op = part_.ops[index];
    std::vector<Real> incoming(count_, Real(1));
    if (!op.output) {
        const Real* own = store_.adjoint + store_.at(target(op));
        std::copy(own, own + count_, incoming.begin());
    }
    if (op.rule == limit::Rule::dual) {
        const Located read = locate_entry(op.entry);
        if (!read.stored)
            return;
        // the slope again: C is stored, the operation writes the same entry anew
        std::vector<Real> saved(store_.tangent + store_.at(read.entry), store_.tangent + store_.at(read.entry) + count_);
        std::fill_n(store_.tangent + store_.at(read.entry), count_, Real(1));
        dual(op, index, false, true, target(op));
        settle_equal_lanes(op, target(op));
        std::copy(saved.begin(), saved.end(), store_.tangent + store_.at(read.entry));
        Real* inner = store_.adjoint + store_.at(read.entry);
        for (std::size_t i = 0; i < count_; ++i)
            inner[i] += incoming[i] * slope_[i];
        return;
    }
    if (op.rule == limit::Rule::product) {
        for (std::size_t k = 0; k < op.groups.size(); ++k) {
            const plan::GroupOp& group = op.groups[k];
            const bool joint = group.joint && !group.left.empty() && !group.right.empty();
            if (!group.cross && !joint)
                continue;
            std::vector<Real> others = incoming;
            for (std::size_t m = 0; m < op.groups.size(); ++m) {
                if (m == k)
                    continue;
                group_value(op.groups[m], c_.data());
                for (std::size_t i = 0; i < count_; ++i)
                    others[i] *= c_[i];
            }
            if (joint) {
                evaluate_joint(joint_term(group, true), left_, right_, store_, count_, joints_, joints_.sampling,
                               JointResult<Real>{c_.data(), nullptr, others.data()}, row_sampled_);
                continue;
            }
            const Located read = locate_entry(group.entry);
            if (!read.stored)
                continue;
            Real* inner = store_.adjoint + store_.at(read.entry);
            for (std::size_t i = 0; i < count_; ++i)
                inner[i] += others[i];
        }
        return;
    }
    for (const plan::TermOp& term : op.terms)
        over_sums(term, 0, [&](bool holds) {
            if (!holds)
                return;
            const Weight w = weight(term);
            const auto scale = static_cast<Real>(constant(term.scale));
            const auto rate = static_cast<Real>(constant(term.rate));
            if (term.kind == PairTerm::Kind::means)
                return;
            if (term.kind == PairTerm::Kind::input || term.kind == PairTerm::Kind::parameter) {
                if (term.kind == PairTerm::Kind::input)
                    gram(term, c_.data());
                else
                    std::fill(c_.begin(), c_.end(), Real(1));
                for (std::size_t i = 0; i < count_; ++i)
                    c_[i] *= incoming[i];
                accumulate(ntk, c_.data(), rate, w, count_);
                return;
            }
            const Located read = locate_entry(term.entry);
            if (!read.stored)
                return;
            const std::size_t at = store_.at(read.entry);
            if (term.kind == PairTerm::Kind::matmul) {
                for (std::size_t i = 0; i < count_; ++i)
                    c_[i] = incoming[i] * (store_.plus[at + i] - store_.minus[at + i]) / 4;
                accumulate(ntk, c_.data(), rate, w, count_);
            }
            accumulate(store_.adjoint + at, incoming.data(), scale, w, count_);
        });
}

template void PairMachine<double>::run_backward(std::uint32_t, double*);
template void PairMachine<float>::run_backward(std::uint32_t, float*);

} // namespace tpc::execute
