// Canonical coordinates of two sides of Gaussians.
#pragma once

#include <Eigen/Core>

namespace tpc::joint {

// x = mean + left u, y = mean' + right w with u and w standard normal, of which only u_i and w_i are correlated, with
// correlations[i], for the first few. Of each independent block by itself: coordinates of different blocks are not mixed,
// which functions of single Gaussians would pay for with more nodes.
struct Canonical {
    Eigen::MatrixXd left, right;
    Eigen::VectorXd correlations;
};

// `same`: how near to the identity the correlation of both sides of a block has to be to count as that.
Canonical canonical(const Eigen::MatrixXd& covariance, Eigen::Index lefts, double same);

} // namespace tpc::joint
