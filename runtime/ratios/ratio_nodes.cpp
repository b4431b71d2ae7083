#include "runtime/ratios/ratio_nodes.hpp"

#include <Eigen/Dense>
#include <boost/math/special_functions/legendre.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {

Nodes gauss_rule(int order) {
    Nodes result;
    for (const double x : boost::math::legendre_p_zeros<double>(order)) { // those above 0, and 0 itself
        const double slope = boost::math::legendre_p_prime(order, x);
        const double weight = 2 / ((1 - x * x) * slope * slope);
        for (const double side : {1.0, -1.0}) {
            if (x == 0 && side < 0)
                continue;
            result.points.push_back(side * x);
            result.weights.push_back(weight);
        }
    }
    return result;
}

Nodes gauss_panels(std::vector<double> edges, const Nodes& rule) {
    std::ranges::sort(edges);
    Nodes result;
    for (std::size_t k = 0; k + 1 < edges.size(); ++k) {
        const double half = (edges[k + 1] - edges[k]) / 2;
        if (half < 1e-14)
            continue;
        for (std::size_t i = 0; i < rule.points.size(); ++i) {
            result.points.push_back(edges[k] + half * (1 + rule.points[i]));
            result.weights.push_back(half * rule.weights[i]);
        }
    }
    return result;
}

double range_of(const Ratio& ratio, const Eigen::MatrixXd& root) {
    const Eigen::MatrixXd gram = root.transpose() * ratio.quadratic * root;
    const Eigen::VectorXd a = root.transpose() * ratio.form;
    return std::sqrt(std::max(0.0, a.dot(gram.completeOrthogonalDecomposition().pseudoInverse() * a)));
}

std::vector<double> layers(const Ratio& ratio, const Eigen::MatrixXd& root) {
    std::vector<double> result;
    constexpr double thinnest = 1e-6; // t moves by a millionth of a millionth in there
    const double width = std::max(thinnest, std::sqrt(ratio.offset / (root.transpose() * ratio.quadratic * root).trace()));
    for (double angle = std::numbers::pi / 4; ratio.offset > 0 && angle > width / 2; angle /= 6)
        result.push_back(angle);
    return result;
}

std::vector<double> values_of(const gaussian::Tape& f, const std::vector<double>& t, double sign) {
    std::vector<double> points(t), result(t.size());
    for (double& x : points)
        x *= sign;
    f(points.size(), points.data(), result.data());
    return result;
}

Sampled sample(const RatioSide& side, const Eigen::MatrixXd& root, int order) {
    const double range = range_of(side.ratio, root);
    std::vector<double> edges = layers(side.ratio, root);
    edges.insert(edges.end(), {0, std::numbers::pi / 2});
    for (const double kink : side.kinks)
        if (std::abs(kink) < range)
            edges.push_back(std::acos(std::abs(kink) / range));
    const Nodes nodes = gauss_panels(std::move(edges), gauss_rule(order));
    Sampled result;
    for (std::size_t k = 0; k < nodes.points.size(); ++k) {
        result.t.push_back(range * std::cos(nodes.points[k]));
        result.weights.push_back(nodes.weights[k] * range * std::sin(nodes.points[k]));
    }
    for (const int k : {0, 1}) {
        result.at[k] = values_of(*side.function.value, result.t, k == 0 ? 1 : -1);
        result.slope[k] = values_of(*side.function.slope, result.t, k == 0 ? 1 : -1);
    }
    return result;
}

double nearest_of(int order) {
    return std::pow(2.0 / order, 2) / 4;
}

} // namespace tpc::joint
