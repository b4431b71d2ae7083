#include "runtime/points/canonical.hpp"

#include "runtime/points/root.hpp"

#include <Eigen/SVD>

#include <algorithm>
#include <vector>

namespace tpc::joint {

Canonical canonical(const Eigen::MatrixXd& covariance, Eigen::Index lefts, double same) {
    const std::vector<std::uint32_t> labels = independent_blocks(covariance, {});
    std::uint32_t blocks = 0;
    for (const std::uint32_t label : labels)
        blocks = std::max(blocks, label + 1);
    struct Shared {
        double correlation = 0;
        Eigen::VectorXd left, right;
    };
    std::vector<Shared> shared;
    std::vector<Eigen::VectorXd> left_only, right_only;
    for (std::uint32_t label = 0; label < blocks; ++label) {
        std::vector<Eigen::Index> x, y;
        for (Eigen::Index k = 0; k < covariance.rows(); ++k)
            if (labels[static_cast<std::size_t>(k)] == label)
                (k < lefts ? x : y).push_back(k);
        const auto root = [&](const std::vector<Eigen::Index>& rows, Eigen::Index first, Eigen::Index size) {
            const Eigen::MatrixXd own = principal_root(covariance(rows, rows));
            Eigen::MatrixXd result = Eigen::MatrixXd::Zero(size, own.cols());
            for (std::size_t k = 0; k < rows.size(); ++k)
                result.row(rows[k] - first) = own.row(static_cast<Eigen::Index>(k));
            return result;
        };
        Eigen::MatrixXd left = root(x, 0, lefts);
        Eigen::MatrixXd right = root(y, lefts, covariance.rows() - lefts);
        Eigen::VectorXd s(0);
        if (left.cols() > 0 && right.cols() > 0) {
            const Eigen::MatrixXd between = inverse_of_root(left) *
                                            covariance.topRightCorner(lefts, covariance.rows() - lefts) *
                                            inverse_of_root(right).transpose();
            if (between.rows() == between.cols() && between.isIdentity(same)) {
                s = Eigen::VectorXd::Ones(between.rows());
            } else {
                const Eigen::JacobiSVD<Eigen::MatrixXd> svd(between, Eigen::ComputeFullU | Eigen::ComputeFullV);
                s = svd.singularValues().cwiseMin(1);
                left *= svd.matrixU();
                right *= svd.matrixV();
            }
        }
        for (Eigen::Index k = 0; k < std::max(left.cols(), right.cols()); ++k) {
            if (k < s.size() && s[k] > 1e-15) {
                shared.push_back({s[k], left.col(k), right.col(k)});
                continue;
            }
            if (k < left.cols())
                left_only.emplace_back(left.col(k));
            if (k < right.cols())
                right_only.emplace_back(right.col(k));
        }
    }
    const auto count = static_cast<Eigen::Index>(shared.size());
    Canonical result{Eigen::MatrixXd(lefts, count + static_cast<Eigen::Index>(left_only.size())),
                     Eigen::MatrixXd(covariance.rows() - lefts, count + static_cast<Eigen::Index>(right_only.size())),
                     Eigen::VectorXd(count)};
    for (Eigen::Index k = 0; k < count; ++k) {
        const Shared& one = shared[static_cast<std::size_t>(k)];
        result.correlations[k] = one.correlation;
        result.left.col(k) = one.left;
        result.right.col(k) = one.right;
    }
    for (std::size_t k = 0; k < left_only.size(); ++k)
        result.left.col(count + static_cast<Eigen::Index>(k)) = left_only[k];
    for (std::size_t k = 0; k < right_only.size(); ++k)
        result.right.col(count + static_cast<Eigen::Index>(k)) = right_only[k];
    return result;
}

} // namespace tpc::joint
