// Terms of sums over pairs: what of them belongs to the left sample, and what to the right one.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// sum over l: scale * right factor * (sum over k: left factor * entry): the inner sum is `left`, the outer one `right`,
// which reads the entry of the inner one.
struct SplitTerm {
    TermOp left, right;
};

// Nothing where the two are mixed: by an index, a bound, a condition or a number.
std::optional<SplitTerm> split(const limit::Recursions& recursions, const TermOp& term);

// The sums of left parts are the same function of the right element.
bool same_left(const TermOp& a, const TermOp& b);
// The right parts may be written as one.
bool same_right(const TermOp& a, const TermOp& b);

} // namespace tpc::plan
