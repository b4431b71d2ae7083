// Signs of affine index expressions over their ranges, decided without sizes.
#pragma once

#include "compiler/ir/program.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace tpc::check {

// The range that binds each loop, sum and family index.
using Bindings = std::map<ir::Symbol, ir::Range>;

Bindings bindings(const ir::Program& program);
void bind(Bindings& bindings, const std::vector<ir::Range>& ranges);

// Bounds of `value` over the ranges of its indices, as expressions of axes (and of symbols without a range) only.
ir::Affine lower_bound(const ir::Affine& value, const Bindings& bindings);
ir::Affine upper_bound(const ir::Affine& value, const Bindings& bindings);

// True when `value` > 0 (>= 0, != 0) for every point of the ranges and all axes >= 1; false when not or when it is unclear.
bool provably_positive(const ir::Program& program, const ir::Affine& value, const Bindings& bindings);
bool provably_non_negative(const ir::Program& program, const ir::Affine& value, const Bindings& bindings);
bool provably_non_zero(const ir::Program& program, const ir::Affine& value, const Bindings& bindings);

// True when two index tuples differ at all points of their ranges.
bool provably_disjoint(const ir::Program& program, llvm::ArrayRef<ir::Affine> a, llvm::ArrayRef<ir::Affine> b,
                       const Bindings& bindings);

// The solution of left_k == right_k for the unknowns as far as it takes coefficients +-1 only; what is left over stays
// in `residual` as expressions that must vanish, with the solved symbols substituted.
struct Solution {
    std::map<ir::Symbol, ir::Affine> values;
    std::vector<ir::Affine> residual;
};
Solution solve(const std::vector<std::pair<ir::Affine, ir::Affine>>& equations, const std::vector<ir::Symbol>& unknowns);

} // namespace tpc::check
