// Mehler's series in several dimensions, for smooth functions of few Gaussians a side.
//
// In canonical coordinates x = mean + A u, y = mean' + B w, u and w are standard normal and only u_i and w_i are correlated,
// with s_i. So E[f(x) g(y)] = sum over k of f_k g_k s_1^k_1 s_2^k_2 ..., f_k = E[f he_k(u)]: a tensor Gauss-Hermite rule for
// each side instead of one for both together.
#pragma once

#include "runtime/points/expectation.hpp"

#include <optional>

namespace tpc::joint {

struct Precise {
    Expectation expectation;
    std::size_t points = 0;          // of both sides
    double error = 0;                // relative to the norms of both sides, estimated
    double norm = 0, slope_norm = 0; // of values, of slopes
    std::vector<std::size_t> rungs;  // the rules that were taken
};

// Whether no function of the integrand has a kink or jump in a Gaussian.
bool is_smooth(const Integrand& integrand);

// Nothing where `most_points` do not reach the tolerance (of the norms of both sides). `rungs`: of a law that is hardly
// another one; they are taken, and no error is estimated. Empty: they are found.
std::optional<Precise> spectral(const Integrand& integrand, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                const std::vector<double>& samples, bool slopes, double tolerance, std::size_t most_points,
                                const std::vector<std::size_t>& rungs = {});

} // namespace tpc::joint
