// Canonical coordinates of functions of at most two a side.
#pragma once

#include <Eigen/Core>

#include <optional>
#include <vector>

namespace tpc::joint {

// Those in common, those with correlations between 0 and 1, falling, then others.
struct Coordinates {
    Eigen::MatrixXd left, right; // roots of two columns
    Eigen::Index common = 0;
    std::vector<double> correlations; // of those that follow
};

// Nothing for more.
std::optional<Coordinates> coordinates(const Eigen::MatrixXd& covariance, Eigen::Index lefts);

} // namespace tpc::joint
