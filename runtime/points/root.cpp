#include "runtime/points/root.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

namespace tpc::joint {

std::vector<std::uint32_t> independent_blocks(const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked) {
    const Eigen::Index n = covariance.rows();
    const Eigen::Index left = linked.rows();
    std::vector<std::uint32_t> parent(static_cast<std::size_t>(n));
    std::iota(parent.begin(), parent.end(), 0U);
    const auto top = [&](Eigen::Index k) {
        auto p = static_cast<std::uint32_t>(k);
        while (parent[p] != p)
            p = parent[p] = parent[parent[p]];
        return p;
    };
    for (Eigen::Index a = 0; a < n; ++a)
        for (Eigen::Index b = a + 1; b < n; ++b)
            if (covariance(a, b) != 0 || (a < left && b >= left && linked(a, b - left) != 0)) {
                const std::uint32_t x = top(a);
                const std::uint32_t y = top(b);
                parent[std::max(x, y)] = std::min(x, y);
            }
    std::vector<std::uint32_t> labels(parent.size());
    std::map<std::uint32_t, std::uint32_t> names;
    for (Eigen::Index k = 0; k < n; ++k)
        labels[static_cast<std::size_t>(k)] =
            names.try_emplace(top(k), static_cast<std::uint32_t>(names.size())).first->second;
    return labels;
}

Eigen::VectorXd signs_of_columns(const Eigen::MatrixXd& columns) {
    constexpr double golden = 0.6180339887498949; // its multiples modulo 1 have no symmetry that a column could have
    Eigen::VectorXd weights(columns.rows());
    for (Eigen::Index k = 0; k < weights.size(); ++k)
        weights[k] = 1 + std::fmod(static_cast<double>(k + 1) * golden, 1);
    const Eigen::VectorXd along = columns.transpose() * weights;
    return along.unaryExpr([](double x) { return x < 0 ? -1.0 : 1.0; });
}

// What Gaussians are divided by before their directions are sought: 1, or the deviations where these are so unlike that the
// directions of the small ones would be rounding errors of the great ones.
static Eigen::VectorXd units_of(const Eigen::VectorXd& variances) {
    constexpr double unlike = 1e-4;
    double least = std::numeric_limits<double>::infinity();
    for (const double variance : variances)
        if (variance > 0)
            least = std::min(least, variance);
    if (!(least < unlike * variances.maxCoeff()))
        return Eigen::VectorXd::Ones(variances.size());
    return variances.unaryExpr([](double variance) { return variance > 0 ? std::sqrt(variance) : 1.0; });
}

Eigen::MatrixXd principal_root(const Eigen::MatrixXd& covariance) {
    const Eigen::Index n = covariance.rows();
    const std::vector<std::uint32_t> labels = independent_blocks(covariance, {});
    struct Direction {
        double variance = 0;
        std::vector<Eigen::Index> rows;
        Eigen::VectorXd column;
    };
    std::vector<Direction> all;
    for (std::uint32_t label = 0;; ++label) {
        std::vector<Eigen::Index> rows;
        for (Eigen::Index k = 0; k < n; ++k)
            if (labels[static_cast<std::size_t>(k)] == label)
                rows.push_back(k);
        if (rows.empty())
            break;
        const Eigen::VectorXd units = units_of(covariance(rows, rows).diagonal());
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(
            units.cwiseInverse().asDiagonal() * covariance(rows, rows) * units.cwiseInverse().asDiagonal());
        const Eigen::VectorXd& variances = solver.eigenvalues(); // rising
        for (Eigen::Index k = variances.size(); k-- > 0 && variances[k] > 1e-13 * variances[variances.size() - 1];) {
            const Eigen::VectorXd column = units.asDiagonal() * solver.eigenvectors().col(k) * std::sqrt(variances[k]);
            all.push_back({column.squaredNorm(), rows, column});
        }
    }
    std::ranges::stable_sort(all, [](const Direction& a, const Direction& b) { return a.variance > b.variance; });
    Eigen::MatrixXd root = Eigen::MatrixXd::Zero(n, static_cast<Eigen::Index>(all.size()));
    for (std::size_t k = 0; k < all.size(); ++k)
        root(all[k].rows, static_cast<Eigen::Index>(k)) = all[k].column;
    return root * signs_of_columns(root).asDiagonal();
}

Eigen::MatrixXd inverse_of_root(const Eigen::MatrixXd& root) {
    if (root.cols() == 0)
        return Eigen::MatrixXd::Zero(0, root.rows());
    const Eigen::VectorXd units =
        root.rowwise().norm().unaryExpr([](double deviation) { return deviation > 0 ? 1 / deviation : 1.0; });
    const Eigen::MatrixXd scaled = units.asDiagonal() * root;
    const Eigen::MatrixXd all = Eigen::MatrixXd::Identity(root.rows(), root.rows());
    return scaled.householderQr().solve(all) * units.asDiagonal();
}

Eigen::MatrixXd rotation_to(const Eigen::MatrixXd& root, const Eigen::MatrixXd& other) {
    const Eigen::Index columns = std::max(root.cols(), other.cols());
    if (root.cols() == 0)
        return Eigen::MatrixXd::Zero(0, columns);
    Eigen::MatrixXd between = Eigen::MatrixXd::Zero(root.cols(), columns);
    between.leftCols(other.cols()) = root.transpose() * other;
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(between, Eigen::ComputeThinU | Eigen::ComputeThinV);
    return svd.matrixU() * svd.matrixV().transpose();
}

} // namespace tpc::joint
