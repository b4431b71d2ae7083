// One function of one Gaussian: how far it matters, its moments by adaptive quadrature.
#pragma once

#include "runtime/gaussian/adaptive.hpp"
#include "runtime/gaussian/kinks.hpp"

namespace tpc::gaussian {

// Where phi(m + s z)^2 and phi'^2 times the density have fallen to nothing; 0 if that is nowhere near.
double extent_of(const Univariate& phi, double variance, double mean);

// Edges of panels in z for an integral over -extent..extent: kinks and bends of phi, and steps of a few deviations.
std::vector<double> panel_edges(const Kinks& kinks, double variance, double mean, double extent);

// E[phi], E[phi^2], E[phi'], E[phi'^2]; the last two are infinite where their integrals do not converge.
struct LineMoments {
    double value = 0, square = 0, slope = 0, slope_square = 0;
    bool converged = false;    // of the first two
    std::vector<double> edges; // panels, in z, on which phi and phi' are resolved
};
LineMoments line_moments(const Univariate& phi, const Kinks& kinks, double variance, double mean, double tolerance);

} // namespace tpc::gaussian
