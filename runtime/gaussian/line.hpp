// One function of one Gaussian: how far it matters, its moments by adaptive quadrature.
#pragma once

#include "runtime/gaussian/adaptive.hpp"
#include "runtime/gaussian/kinks.hpp"

namespace tpc::gaussian {

// Where phi(m + s z)^2 and phi'^2 times the density have fallen to nothing; 0 if that is nowhere near.
double extent_of(const Univariate& phi, double variance, double mean);
// Whether their integrals are infinite: they still rise, or are beyond what numbers hold, where hardly a sample comes.
bool outgrows(const Univariate& phi, double variance, double mean);

// Edges of panels in z for an integral over -extent..extent: kinks and bends of phi, and steps of a few deviations.
std::vector<double> panel_edges(const Kinks& kinks, double variance, double mean, double extent);

// E[phi], E[phi^2], E[phi'], E[phi'^2]: infinite where the integral diverges, not a number where it was not found.
struct LineMoments {
    double value = 0, square = 0, slope = 0, slope_square = 0;
    bool converged = false;    // the first two
    std::vector<double> edges; // panels, in z, on which phi and phi' are resolved
};
LineMoments line_moments(const Univariate& phi, const Kinks& kinks, double variance, double mean, double tolerance);

} // namespace tpc::gaussian
