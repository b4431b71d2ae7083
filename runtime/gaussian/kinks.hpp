// Where a function of one Gaussian is not smooth, found numerically.
#pragma once

#include "runtime/gaussian/univariate.hpp"

namespace tpc::gaussian {

// A place at which the function bends within `width`, smoothly.
struct Bend {
    double at = 0, width = 0;
};

// Kinks, jumps and singularities, rising, to the last bit: where the argument of a kinked or singular function changes its
// sign; and bends. Roots closer together than about 1e-4 of the interval (or of their distance to 0) may be missed: adaptive
// integration then has to find them.
struct Kinks {
    std::vector<double> sharp;
    std::vector<Bend> bends;
};
Kinks find_kinks(const Univariate& phi, double low, double high);

// Points at and around a bend at growing distances up to `extent`, for panels that resolve it.
void grade(const Bend& bend, double extent, std::vector<double>& edges);

} // namespace tpc::gaussian
