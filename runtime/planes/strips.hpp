// Integration over one standard normal coordinate, of what integrals along lines give.
#pragma once

#include "runtime/planes/smoothing.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace tpc::joint {

struct Strips {
    double extent = 8; // of the coordinate
    double width = 2;  // of panels, at most
    // What panels miss of values * density^power is below `tolerance` of the scales of the columns; 0: not looked at.
    double tolerance = 1e-10, power = 0.5;
    Eigen::VectorXd scales;
    Smoothing smoothing;
    // Rows of values by lines, to a tolerance that grows as panels become narrow; false: there are none.
    std::function<bool(const Eigen::VectorXd&, double, Eigen::MatrixXd&)> values;
    // Where it changes, the values are not smooth.
    std::function<std::vector<int>(double)> signature;
    // Whether Gauss's rule may miss what is between these.
    std::function<bool(double, double)> hides;
};

// The values smoothed, by columns.
std::optional<Eigen::MatrixXd> integrate(const Strips& strips);

} // namespace tpc::joint
