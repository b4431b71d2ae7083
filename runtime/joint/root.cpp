#include "runtime/joint/root.hpp"

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace tpc::joint {

Eigen::MatrixXd principal_root(const Eigen::MatrixXd& covariance) {
    if (covariance.rows() == 0)
        return covariance;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
    const Eigen::VectorXd& values = solver.eigenvalues(); // rising
    const auto n = values.size();
    const double least = n == 0 ? 0 : 1e-13 * std::max(values[n - 1], 0.0);
    Eigen::Index rank = 0;
    while (rank < n && values[n - 1 - rank] > least)
        ++rank;
    Eigen::MatrixXd root(n, rank);
    for (Eigen::Index k = 0; k < rank; ++k)
        root.col(k) = solver.eigenvectors().col(n - 1 - k) * std::sqrt(values[n - 1 - k]);
    return root;
}

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

} // namespace tpc::joint
