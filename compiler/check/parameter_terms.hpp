// Linear combinations of vector parameters, and the arithmetic of coefficients.
#pragma once

#include "compiler/ir/program.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace tpc::check {

// factor * v[member], summed over `ranges`.
struct ParameterTerm {
    ir::ExprId factor{};
    ir::ExprId parameter{};
    std::vector<ir::Range> ranges;
};

// What the element that is read was defined as; nothing where that takes more than one statement to say.
using Definition = std::function<std::optional<ir::ExprId>(const ir::Node& read)>;

// Nothing when the expression is no such combination. Appends the factors to the table.
std::optional<std::vector<ParameterTerm>> parameter_terms(ir::ExprTable& exprs, ir::ExprId id, const Definition& definition);

// The same without definitions: names stay, as reads of elements in the place of parameters, and 0 adds nothing.
std::optional<std::vector<ParameterTerm>> terms_with_names(ir::ExprTable& exprs, ir::ExprId id);

ir::ExprId times(ir::ExprTable& exprs, ir::ExprId a, ir::ExprId b);
ir::ExprId over(ir::ExprTable& exprs, ir::ExprId a, ir::ExprId b);
ir::ExprId sum_over(ir::ExprTable& exprs, llvm::ArrayRef<ir::Range> ranges, ir::ExprId id);
// 1 / the number of points of the ranges.
ir::ExprId mean_factor(ir::ExprTable& exprs, llvm::ArrayRef<ir::Range> ranges);

} // namespace tpc::check
