// Sides of inner products where names that are defined by recursion stand for combinations of vector parameters:
// u[t] = a[t] * u[t-1] + w[t] gives u[T] = sum(s: weight[T,s] * w[s]), as for outputs (weights.hpp).
#pragma once

#include "compiler/check/parameter_terms.hpp"
#include "compiler/check/weights.hpp"

namespace tpc::check {

// Nothing where a name stands for something else. Adds families of weights to the program.
std::optional<std::vector<ParameterTerm>> terms_by_recursion(ir::Program& program, Weights& weights, ir::ExprId side);

// (p * q)' @ y / n as p' @ (q * y) / n, for the factor p of either side that `chosen` likes best: it gives 0 to a factor
// that cannot stand alone. Nothing where none can, or the sides are no products.
std::optional<ir::ExprId> regrouped(ir::ExprTable& exprs, const ir::Node& moment,
                                    const std::function<int(ir::ExprId)>& chosen);

} // namespace tpc::check
