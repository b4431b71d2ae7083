#include "runtime/joint/root.hpp"

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

namespace tpc::joint {

Eigen::MatrixXd principal_root(const Eigen::MatrixXd& covariance) {
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

} // namespace tpc::joint
