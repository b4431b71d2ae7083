// Which activations are sums of groups (terms.hpp).
#pragma once

#include "compiler/ir/expression.hpp"
#include "runtime/gaussian/terms.hpp"

namespace tpc::gaussian {

// The sum of groups equal to the expression over `variable 0`, or nothing when it has no such form.
std::optional<Groups> classify(const ir::ExprTable& table, ir::ExprId expression);

} // namespace tpc::gaussian
