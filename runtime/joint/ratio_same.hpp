// Functions of two ratios t = w'z / sqrt(q) and v'z / sqrt(q) of one Gaussian vector, q = z'Q z + c: the entries of a batch
// with itself. One Laplace integral has all powers, and under it stand moments of two Gaussians.
#pragma once

#include "runtime/joint/ratio.hpp"

namespace tpc::joint {

struct SameSum {
    Expectation expectation;
    double rounding = 0; // of the value, where powers cancel
};

// z of this covariance on both sides; w, Q, c of `left`, v of `right`. Nothing where the integral does not converge.
std::optional<SameSum> same_sum(const Ratio& left, const Ratio& right, const RatioPolynomial& polynomial,
                                const Eigen::MatrixXd& covariance, double tolerance);

} // namespace tpc::joint
