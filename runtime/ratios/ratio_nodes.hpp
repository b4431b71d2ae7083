// One ratio t = w'z / sqrt(z'Q z + c) at the points of quadrature that ends at kinks and follows layers at the ends.
#pragma once

#include "runtime/ratios/ratio_density.hpp"

#include <vector>

namespace tpc::joint {

struct Nodes {
    std::vector<double> points, weights;
};

// Gauss's and Legendre's on [-1, 1].
Nodes gauss_rule(int order);

// The rule between edges.
Nodes gauss_panels(std::vector<double> edges, const Nodes& rule);

// 1 - t^2 / range^2 at the outermost of so many nodes, about.
double nearest_of(int order);

// The greatest |t| of this law.
double range_of(const Ratio& ratio, const Eigen::MatrixXd& root);

// Near the ends of its range, which it does not reach beside c > 0, the density of a ratio has layers of this width in the
// angle; panels to grow with the distance from there.
std::vector<double> layers(const Ratio& ratio, const Eigen::MatrixXd& root);

std::vector<double> values_of(const gaussian::Tape& f, const std::vector<double>& t, double sign);

// Of one side at t > 0: a ratio has the law of its negative, both together.
struct Sampled {
    std::vector<double> t, weights;
    std::vector<double> at[2];    // f(t), f(-t)
    std::vector<double> slope[2]; // f'(t), f'(-t)
};
Sampled sample(const RatioSide& side, const Eigen::MatrixXd& root, int order);

} // namespace tpc::joint
