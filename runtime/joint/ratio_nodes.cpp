#include "runtime/joint/ratio_nodes.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {

Nodes gauss_panels(std::vector<double> edges, int order) {
    Eigen::MatrixXd jacobi = Eigen::MatrixXd::Zero(order, order); // Golub and Welsch (1969)
    for (int k = 1; k < order; ++k)
        jacobi(k, k - 1) = jacobi(k - 1, k) = k / std::sqrt(4.0 * k * k - 1);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(jacobi);
    std::ranges::sort(edges);
    Nodes result;
    for (std::size_t k = 0; k + 1 < edges.size(); ++k) {
        const double half = (edges[k + 1] - edges[k]) / 2;
        if (half < 1e-14)
            continue;
        for (int i = 0; i < order; ++i) {
            result.points.push_back(edges[k] + half * (1 + solver.eigenvalues()[i]));
            result.weights.push_back(2 * half * std::pow(solver.eigenvectors()(0, i), 2));
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
    const double width = std::sqrt(ratio.offset / (root.transpose() * ratio.quadratic * root).trace());
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
    const Nodes nodes = gauss_panels(std::move(edges), order);
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
