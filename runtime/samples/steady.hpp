// Long sums whose innermost index changes nothing but addresses: these go up by steps.
#pragma once

#include "compiler/plan/linear.hpp"

#include <algorithm>

namespace tpc::execute {

inline bool steady(const plan::TermOp& term) {
    if (term.sums.empty() || (term.kind != limit::PairTerm::Kind::matmul && term.kind != limit::PairTerm::Kind::read))
        return false;
    const auto affine = [](const plan::Linear& index) { return index.denominator == 1; };
    const auto place = [&](const plan::Place& p) {
        return p.mode == ir::IndexMode::none && std::all_of(p.indices.begin(), p.indices.end(), affine);
    };
    const auto factor = [&](const plan::Factor& f) {
        return f.array ? std::all_of(f.point.begin(), f.point.end(), affine) : f.constant.fixed;
    };
    return place(term.entry.left) && place(term.entry.right) && factor(term.left_factor) && factor(term.right_factor) &&
           term.scale.fixed && term.rate.fixed &&
           std::none_of(term.guards.begin(), term.guards.end(), [&](const plan::Guard& guard) {
               return plan::coefficient(guard.value, term.sums.back().slot) != 0;
           });
}

} // namespace tpc::execute
