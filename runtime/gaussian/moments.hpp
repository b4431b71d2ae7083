// Closed-form expectations of sums of groups (terms.hpp) under one or two Gaussians.
#pragma once

#include "runtime/gaussian/terms.hpp"

namespace tpc::gaussian {

// (a, b) Gaussian; gap = variance_a * variance_b - covariance^2, kept apart because it cancels for nearly equal a, b.
struct Bivariate {
    double mean_a = 0, mean_b = 0;
    double variance_a = 0, variance_b = 0;
    double covariance = 0;
    double gap = 0;
    double minus = 0, plus = 0; // Var(a - b), Var(a + b)
};

// a = b.
Bivariate diagonal(double mean, double variance);

// False when a jump or error function meets a complex exponential (sin, cos): those pairs have no closed form here.
bool has_closed_form(const Groups& f, const Groups& g);

// E[f(a) g(b)]. `size` grows by the absolute values of all that is added up: rounding is about 1e-16 of it.
double expectation(const Groups& f, const Groups& g, const Bivariate& law, double* size = nullptr);

// E[f(a)], a ~ N(mean, variance).
double expectation(const Groups& f, double mean, double variance, double* size = nullptr);

// E[delta(a - kink) g(b)]; 0 when a has no variance.
double expectation(const Spike& spike, const Groups& g, const Bivariate& law);

} // namespace tpc::gaussian
