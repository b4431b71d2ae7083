// E[(k phi -+ psi / k)^2] and E[phi' psi'] of a correlated pair of Gaussians, by an integral within an integral.
#pragma once

#include "runtime/gaussian/kinks.hpp"
#include "runtime/gaussian/univariate.hpp"

#include <limits>
#include <memory>

namespace tpc::gaussian {

// Rounding of a value, relative.
inline constexpr double noisy = 64 * std::numeric_limits<double>::epsilon();

struct KinkedFunction {
    std::shared_ptr<const Univariate> phi;
    Kinks kinks;
};

struct PairLaw { // of one pair
    double mean_a = 0, mean_b = 0;
    double root_a = 0, root_b = 0; // deviations
    double rho = 0, apart = 0;     // apart = sqrt(1 - rho^2)
    double extent = 0;
    double noise = 0;                // rounding of k phi and psi / k, that of their arguments included
    double scale_a = 1, scale_b = 1; // k and 1 / k
    // What may be neglected in the conditional expectations, far below the tolerance of the whole.
    double floor = 0, slope_floor = 0;
    bool slopes = true; // whether E[phi' psi'] is wanted
};

struct NestedResult {
    double minus = 0, plus = 0, slope = 0; // E[(k phi - psi / k)^2], E[(k phi + psi / k)^2], E[phi' psi']
    bool converged = false;
};

// Over a, and inside over b given a, both split at the kinks and graded towards bends. `tolerance` is relative.
NestedResult integrate_nested(const KinkedFunction& phi, const KinkedFunction& psi, const PairLaw& law, double tolerance);

} // namespace tpc::gaussian
