// Arrays of files as Eigen matrices and back.
#pragma once

#include "runtime/io/array.hpp"
#include "runtime/io/result.hpp"

#include <Eigen/Core>

namespace tpc::learn {

// Two axes, or one as a column. Error: more axes, or none (it names the shape).
io::Result<Eigen::MatrixXd> to_matrix(const io::Array& array);

io::Array to_array(const Eigen::MatrixXd& matrix);

} // namespace tpc::learn
