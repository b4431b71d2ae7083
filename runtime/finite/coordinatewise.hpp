// Functions and reductions over coordinates, with their partial derivatives. Columns are samples; an argument of one row
// stands for all rows of its column.
#pragma once

#include "compiler/ir/expression.hpp"

#include <Eigen/Core>

#include <map>
#include <vector>

namespace tpc::finite {

using Matrix = Eigen::MatrixXd;
using Arguments = std::vector<const Matrix*>;

Matrix apply_function(ir::Function function, const Arguments& arguments);
Matrix apply_reduction(ir::Reduction reduction, const Arguments& arguments);

// d reduction / d argument k, given the value of the reduction.
Matrix slope(ir::Reduction reduction, const Arguments& arguments, const Matrix& value, std::size_t k);

// d function / d argument k by the conventions of ir::derivative.
class Slopes {
  public:
    Matrix operator()(ir::Function function, const Arguments& arguments, unsigned k);

  private:
    ir::ExprTable table_;
    std::map<std::tuple<ir::Function, std::size_t, unsigned>, ir::ExprId> known_;
};

} // namespace tpc::finite
