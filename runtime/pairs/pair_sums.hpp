// What the files of PairMachine share of sums.
#pragma once

#include "runtime/pairs/pair.hpp"

namespace tpc::execute {

template <class Real>
template <class Visit>
void PairMachine<Real>::over_sums(const plan::TermOp& term, std::size_t depth, const Visit& visit) {
    if (depth == term.sums.size()) {
        visit(plan::hold(term.guards, slots_.data()));
        return;
    }
    const plan::LoopRange& range = term.sums[depth];
    const std::int64_t upper = range.last(slots_.data());
    for (std::int64_t i = range.first(slots_.data()); i <= upper; ++i) {
        slots_[range.slot] = i;
        over_sums(term, depth + 1, visit);
    }
}

template <class Real, class W> void accumulate(Real* out, const Real* x, Real scale, const W& w, std::size_t count) {
    if (w.fixed()) {
        const Real s = scale * w.constant;
        for (std::size_t i = 0; i < count; ++i)
            out[i] += s * x[i];
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const Real l = w.left_array.data ? w.left_array[i] : w.left;
        const Real r = w.right_array.data ? w.right_array[i] : w.right;
        out[i] += scale * (l * r) * x[i];
    }
}

} // namespace tpc::execute
