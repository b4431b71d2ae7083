// One coordinate of one side of an expectation.
//
// u and w, standard normal of correlation s, are sqrt(s) t + sqrt(1 - s) a and sqrt(s) t + sqrt(1 - s) b with independent
// t, a, b. So E[f(u) g(w)] = E[F(t) G(t)] with F(t) = E[f(u) | t], whatever kinks f has smooth on the scale of sqrt(1 - s):
// a trapezoidal rule in t converges as exp(-pi^2 (1 - s) / spacing^2).
#pragma once

#include <Eigen/Core>

namespace tpc::joint {

struct Smoothing {
    double correlation = 0; // 0: what is wanted is E[f(u)]
    double spread = 1;      // sqrt(1 - s)
    double spacing = 1;
    Eigen::Index half = 0; // t = k spacing, |k| <= half
    double cut = 0;        // what is further from its mean, in deviations, is left out
    [[nodiscard]] Eigen::Index count() const { return 2 * half + 1; }
    [[nodiscard]] double width() const; // of panels on which Gauss's rule resolves the density of u given t

    // Of one place u: the density of u given t times sqrt(spacing * density of t), so that products of what both sides give
    // only have to be added up; or the density of u.
    struct Weights {
        Eigen::Index first = 0, count = 0;
        Eigen::ArrayXd values; // count of them
    };
    void weights(double u, Weights& result) const;
};

Smoothing smoothing(double correlation, double extent, double tolerance);

} // namespace tpc::joint
