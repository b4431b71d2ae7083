#include "runtime/points/twins.hpp"

#include "runtime/points/root.hpp"

namespace tpc::joint {
bool nearly_coincide(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance) {
    constexpr double near = 0.05; // of the sum of both variances
    const Eigen::Index n = mean.size() / 2;
    for (Eigen::Index k = 0; k < n; ++k) {
        const double sum = covariance(k, k) + covariance(n + k, n + k);
        const double difference = mean[k] - mean[n + k];
        if (sum - 2 * covariance(k, n + k) + difference * difference > near * sum)
            return false;
    }
    return true;
}

double apart(const Twins& twins, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
             const std::vector<double>& samples, const Sampling& sampling) {
    const Eigen::MatrixXd root = principal_root(covariance);
    const auto points = normal_points(static_cast<std::size_t>(root.cols()), sampling.log2_points, sampling.replicate);
    const std::size_t count = root.cols() == 0 ? 1 : std::size_t{1} << sampling.log2_points;
    const PointMap map(mean, root);
    constexpr std::size_t block = 128; // points at once
    TapeRun run(twins.tape, {twins.left_first, twins.left_second, twins.right_first, twins.right_second}, block,
                samples.data());
    std::vector<double> values(static_cast<std::size_t>(mean.size()) * block);
    double result = 0;
    for (std::size_t first = 0; first < count; first += block) {
        const std::size_t size = std::min(block, count - first);
        map(points, first, size, values.data(), block);
        run.evaluate(values.data(), block, size);
        const auto row = [&](NodeId id) {
            return Eigen::Map<const Eigen::ArrayXd>(run.row(id), static_cast<Eigen::Index>(size));
        };
        const auto f = row(twins.left_first), g = row(twins.left_second);
        const auto f_ = row(twins.right_first), g_ = row(twins.right_second);
        result += ((f_ - f) * (g - g_) + f * (g_ - g) - (f_ - f) * g).sum();
    }
    return result / (2 * static_cast<double>(count));
}

} // namespace tpc::joint
