#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <vector>

namespace tpc::joint {

// A with A A' = covariance, columns by falling importance; directions of no variance (below 1e-13 of the largest among
// Gaussians that depend on one another) are left out. Independent Gaussians share no column: a function of each of them is
// one of fewer coordinates. Gaussians may be of any scales.
Eigen::MatrixXd principal_root(const Eigen::MatrixXd& covariance);

// B with B A = 1 for the columns of a root A, which are orthogonal in the units of its Gaussians only.
Eigen::MatrixXd inverse_of_root(const Eigen::MatrixXd& root);

// For each column 1 or -1: eigenvectors come with a sign that rounding may turn, and then replicates of nearly the same law
// would go to different points.
Eigen::VectorXd signs_of_columns(const Eigen::MatrixXd& columns);

// The rotation U of the columns of a root, of S say, that brings it as near as can be to another one, which may have more
// columns or fewer: root U = S other (other' S other)^(-1/2). It moves smoothly with S, as eigenvectors do not where
// eigenvalues are close.
Eigen::MatrixXd rotation_to(const Eigen::MatrixXd& root, const Eigen::MatrixXd& other);

// Labels of Gaussians: equal for those that a chain of covariances, or of `linked` pairs (left by right), connects.
std::vector<std::uint32_t> independent_blocks(const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked);

} // namespace tpc::joint
