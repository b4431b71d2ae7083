// A dual kernel that alone reads what a linear operation writes takes its place: its own terms are those of the sum.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::execute {

// `rows`: by operation, whether there is a row operation for a dual kernel with its sum.
plan::Part fuse(const plan::Part& part, const std::vector<bool>& rows);

// A dual kernel of the sum of its own terms.
inline bool fused(const plan::PairOp& op) {
    return op.rule == limit::Rule::dual && !op.terms.empty();
}

} // namespace tpc::execute
