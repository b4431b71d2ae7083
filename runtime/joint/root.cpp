#include "runtime/joint/root.hpp"

#include <Eigen/Eigenvalues>
#include <Eigen/SVD>

#include <algorithm>
#include <cmath>
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
        const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance(rows, rows));
        for (Eigen::Index k = static_cast<Eigen::Index>(rows.size()); k-- > 0;) // falling
            all.push_back({solver.eigenvalues()[k], rows, solver.eigenvectors().col(k)});
    }
    std::ranges::stable_sort(all, [](const Direction& a, const Direction& b) { return a.variance > b.variance; });
    const double least = all.empty() ? 0 : 1e-13 * std::max(all[0].variance, 0.0);
    std::erase_if(all, [&](const Direction& direction) { return !(direction.variance > least); });
    Eigen::MatrixXd root = Eigen::MatrixXd::Zero(n, static_cast<Eigen::Index>(all.size()));
    for (std::size_t k = 0; k < all.size(); ++k)
        root(all[k].rows, static_cast<Eigen::Index>(k)) = all[k].column * std::sqrt(all[k].variance);
    return root * signs_of_columns(root).asDiagonal();
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
