#include "runtime/planes/coordinates.hpp"

#include "runtime/points/canonical.hpp"

#include <algorithm>
#include <numeric>

namespace tpc::joint {

std::optional<Coordinates> coordinates(const Eigen::MatrixXd& covariance, Eigen::Index lefts) {
    constexpr double same = 1e-14; // rounding
    const Canonical all = canonical(covariance, lefts, same);
    const Eigen::Index shared = all.correlations.size();
    if (all.left.cols() > 2 || all.right.cols() > 2)
        return std::nullopt;
    Coordinates result{Eigen::MatrixXd::Zero(lefts, 2), Eigen::MatrixXd::Zero(covariance.rows() - lefts, 2), 0, {}};
    std::vector<Eigen::Index> order(static_cast<std::size_t>(shared));
    std::iota(order.begin(), order.end(), Eigen::Index{0});
    std::ranges::stable_sort(order, [&](auto a, auto b) { return all.correlations[a] > all.correlations[b]; });
    const auto arrange = [&](const Eigen::MatrixXd& from, Eigen::MatrixXd& to) {
        for (Eigen::Index k = 0; k < from.cols(); ++k)
            to.col(k) = from.col(k < shared ? order[static_cast<std::size_t>(k)] : k);
    };
    arrange(all.left, result.left);
    arrange(all.right, result.right);
    for (const Eigen::Index k : order) {
        if (all.correlations[k] >= 1 - same)
            ++result.common;
        else
            result.correlations.push_back(all.correlations[k]);
    }
    return result;
}

} // namespace tpc::joint
