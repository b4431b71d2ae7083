// What makes a kernel and its targets no problem that can be solved.
#pragma once

#include "runtime/io/result.hpp"

#include <Eigen/Core>

#include <optional>

namespace tpc::learn {

// A kernel that is empty, not square, too large, not finite, or not symmetric to single precision.
std::optional<io::Error> problem_with(const Eigen::MatrixXd& kernel);

// The same, and targets of another number of samples or not finite, or a ridge that is negative or not finite.
std::optional<io::Error> problem_with(const Eigen::MatrixXd& kernel, const Eigen::MatrixXd& targets, double ridge);

} // namespace tpc::learn
