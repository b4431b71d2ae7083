// Expectations of nearly coinciding coordinates.
//
// With correlations 1 - t^2 d an expectation K(t) of functions that are analytic but for kinks and jumps along curves is
// analytic in t on one side of 0 (a kink adds t^3, a jump t). K(0) has the coordinates in common, and at t of some tenths
// both sides are smoothed well: a polynomial through these and K(0) is wrong by about t times what is left of its last term.
#include "runtime/planes/planar.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tpc::joint {
namespace {

// Correlations above this one count as near: spread is sqrt(1 - s).
constexpr double near_spread = 0.02;

// Falling: the small ones cost as 1 / t^2.
constexpr std::array places{0.3,   0.25,  0.21,  0.175, 0.145, 0.12,  0.1,  0.083,
                            0.069, 0.057, 0.047, 0.039, 0.032, 0.027, 0.022};

struct Path {
    Coordinates at;
    std::vector<double> distances; // d by correlation; 0 for those that are not near
    double t = 0;                  // where it arrives

    // Those that reach 1 become coordinates in common; they come first.
    [[nodiscard]] Coordinates operator()(double to) const {
        Coordinates result = at;
        result.correlations.clear();
        for (std::size_t k = 0; k < at.correlations.size(); ++k) {
            if (distances[k] > 0 && to == 0)
                ++result.common;
            else
                result.correlations.push_back(distances[k] > 0 ? 1 - to * to * distances[k] : at.correlations[k]);
        }
        return result;
    }
};

std::optional<Path> path_to(const Coordinates& at) {
    Path path{at, {}, 0};
    for (const double s : at.correlations)
        if (const double spread = std::sqrt(1 - s); spread < near_spread)
            path.t = std::max(path.t, spread);
    if (path.t == 0)
        return std::nullopt;
    for (const double s : at.correlations) {
        const bool near = std::sqrt(1 - s) < near_spread;
        path.distances.push_back(near ? (1 - s) / (path.t * path.t) : 0);
    }
    return path;
}

// Of polynomials through values at `nodes`: their weights at t.
std::vector<double> lagrange(const std::vector<double>& nodes, double t) {
    std::vector<double> result(nodes.size(), 1);
    for (std::size_t k = 0; k < nodes.size(); ++k)
        for (std::size_t j = 0; j < nodes.size(); ++j)
            if (j != k)
                result[k] *= (t - nodes[j]) / (nodes[k] - nodes[j]);
    return result;
}

Expectation combined(const std::vector<Planar>& known, const std::vector<double>& weights) {
    Expectation result;
    result.slopes = Eigen::MatrixXd::Zero(known[0].expectation.slopes.rows(), known[0].expectation.slopes.cols());
    for (std::size_t k = 0; k < known.size(); ++k) {
        result.value += weights[k] * known[k].expectation.value;
        result.slopes += weights[k] * known[k].expectation.slopes;
    }
    return result;
}

// The expectation where the path arrives.
template <class Evaluate> std::optional<Planar> interpolated(const Path& path, const Evaluate& evaluate, double tolerance) {
    const auto coinciding = evaluate(0);
    if (!coinciding)
        return std::nullopt;
    std::vector<double> nodes{0};
    std::vector<Planar> known{*coinciding};
    std::size_t points = coinciding->points;
    Expectation before;
    constexpr std::size_t least = 4;
    for (const double place : places) {
        auto next = evaluate(place);
        if (!next)
            return std::nullopt;
        nodes.push_back(place);
        points += next->points;
        known.push_back(*std::move(next));
        Expectation now = combined(known, lagrange(nodes, path.t));
        const auto met = [&](double moved, double norm) { return moved <= tolerance / 4 * norm; };
        if (known.size() > least && met(std::abs(now.value - before.value), coinciding->norm) &&
            (now.slopes.size() == 0 ||
             met((now.slopes - before.slopes).cwiseAbs().maxCoeff(), std::max(coinciding->slope_norm, 1e-300)))) {
            Planar result = *coinciding;
            result.expectation = std::move(now);
            result.points = points;
            result.error = tolerance;
            return result;
        }
        before = std::move(now);
    }
    return std::nullopt;
}

} // namespace

std::optional<Planar> planar(const Integrand& integrand, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                             const std::vector<double>& samples, bool slopes, double tolerance, double& work) {
    const auto at = coordinates(covariance, integrand.left_gaussians);
    if (!at)
        return std::nullopt;
    const auto path = path_to(*at);
    if (!path)
        return planar_at(integrand, mean, *at, samples, slopes, tolerance, work);
    double spent = 0;
    const auto evaluate = [&](double t) { // each may take as much as an expectation that is not interpolated
        double own = work;
        auto result = planar_at(integrand, mean, (*path)(t), samples, slopes, tolerance / 4, own);
        spent += work - own;
        return result;
    };
    auto result = interpolated(*path, evaluate, tolerance);
    work = std::max(work - spent, 0.0);
    return result;
}

} // namespace tpc::joint
