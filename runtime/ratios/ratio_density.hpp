// E[f(t) g(u)] of ratios t = w'z / sqrt(z'Q z + c), u likewise, from the joint density of t and u: by inverse Laplace
// transforms, for functions with kinks, between which the density is integrated.
#pragma once

#include "runtime/ratios/contour.hpp"
#include "runtime/ratios/ratio.hpp"

namespace tpc::joint {

struct RatioSide {
    const Ratio& ratio;
    const gaussian::Univariate& function;
    const std::vector<double>& kinks;
};

// Of two vectors, with a law of full or lower rank.
Expectation density_of_two(const RatioSide& left, const RatioSide& right, const Eigen::MatrixXd& covariance, bool slopes,
                           const Resolution& resolution);

// Of one vector with this covariance; w and v are of the sides, Q and c of both.
Expectation density_of_one(const RatioSide& left, const RatioSide& right, const Eigen::MatrixXd& covariance, bool slopes,
                           const Resolution& resolution);

// E[f(t)]
double density_alone(const RatioSide& side, const Eigen::MatrixXd& covariance, const Resolution& resolution);

} // namespace tpc::joint
