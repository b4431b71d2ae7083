// Sums and products of formulas in their simplest form, and affine values put in for symbols.
#pragma once

#include "compiler/formula/formula.hpp"

#include <functional>

namespace tpc::formula {

using Values = std::map<ir::Symbol, ir::Affine>;

// For ir::rewrite and ir::substitute; `values` must outlive it.
std::function<std::optional<ir::Affine>(ir::Symbol)> lookup(const Values& values);

ir::Affine with(const Values& values, const ir::Affine& a);
ir::Range with(const Values& values, const ir::Range& r);
ir::Condition with(const Values& values, const ir::Condition& c);
ir::Access with(const Values& values, ir::Access access);
limit::Element with(const Values& values, const limit::Element& element);
ir::Domain with(const Values& values, ir::Domain domain);
Formula substituted(ir::ExprTable& table, Formula f, const Values& values);

Formula number(double value);
bool is_number(const Formula& f, double value);
Formula mean(const limit::Element& element, bool right);
Formula covariance(Quantity quantity, const limit::Element& left, const limit::Element& right, bool self,
                   bool right_sample = false);

Formula product(const std::vector<Formula>& factors);
Formula without_roots(const ir::ExprTable& table, const Formula& f);
Formula add(const ir::ExprTable& table, const std::vector<Formula>& terms);
Formula sum(const ir::Program& program, const ir::Domain& over, const std::vector<diff::Fold>& folds, const Formula& value);

} // namespace tpc::formula
