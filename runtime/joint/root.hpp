#pragma once

#include <Eigen/Core>

namespace tpc::joint {

// A with A A' = covariance, columns by falling importance; directions of no variance (below 1e-13 of the largest) are left
// out.
Eigen::MatrixXd principal_root(const Eigen::MatrixXd& covariance);

} // namespace tpc::joint
