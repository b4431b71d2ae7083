// Expectations of functions with kinks, jumps or sharp bends of at most two coordinates a side, deterministic.
//
// In canonical coordinates (canonical.hpp) both sides are smoothed (smoothing.hpp), line by line: each line is split where f
// is not smooth on it, and the lines are split where the order of these places changes, as there what has been integrated is
// not smooth. Coordinates that both sides have in common are integrated with both functions at once. Where coordinates of
// both sides nearly coincide, that would take lines without end: there expectations are interpolated.
#pragma once

#include "runtime/planes/coordinates.hpp"
#include "runtime/points/expectation.hpp"

#include <optional>

namespace tpc::joint {

struct Planar {
    Expectation expectation;
    std::size_t points = 0;
    double error = 0; // relative to the norms of both sides
    double norm = 0, slope_norm = 0;
};

// To `tolerance` of the norms of both sides. Nothing for more coordinates, or where it would take more than `work`
// (Sampling::work), of which it takes what it spends.
std::optional<Planar> planar(const Integrand& integrand, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                             const std::vector<double>& samples, bool slopes, double tolerance, double& work);

// The same in given coordinates, as they stand.
std::optional<Planar> planar_at(const Integrand& integrand, const Eigen::VectorXd& mean, const Coordinates& at,
                                const std::vector<double>& samples, bool slopes, double tolerance, double& work);

} // namespace tpc::joint
