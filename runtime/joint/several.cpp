#include "runtime/joint/several.hpp"

#include "runtime/joint/elementwise.hpp"
#include "runtime/joint/root.hpp"

#include <algorithm>

namespace tpc::joint {
namespace {

constexpr std::size_t block = 128; // points at once

void add_products(const TapeRun& a, NodeId one, const TapeRun& b, const std::vector<NodeId>& others, std::size_t count,
                  std::vector<double>& sums) {
    using Row = Eigen::Map<const Eigen::VectorXd>;
    const auto n = static_cast<Eigen::Index>(count);
    for (std::size_t j = 0; j < others.size(); ++j)
        sums[j] += Row(a.row(one), n).dot(Row(b.row(others[j]), n));
}

} // namespace

void finish(Several& several) {
    several.gradient = several.left_tape.gradient(several.left, several.left_gaussians);
    several.directional = several.right_tape.directional(several.right, several.right_gaussians);
}

bool along_links(const Eigen::MatrixXd& linked, Eigen::Index to, const Tape& tape, const std::vector<NodeId>& gradient,
                 const TapeRun& run, std::size_t count, double* result) {
    std::vector<double> weights;
    std::vector<const double*> rows;
    for (std::size_t x = 0; x < gradient.size(); ++x) {
        const double link = linked(static_cast<Eigen::Index>(x), to);
        if (link == 0 || tape.is_number(gradient[x], 0))
            continue;
        weights.push_back(link);
        rows.push_back(run.row(gradient[x]));
    }
    combine(0, weights.data(), rows.data(), rows.size(), result, count);
    return !rows.empty();
}

SeveralExpectations estimate(const Several& several, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                             const Eigen::MatrixXd& linked, const std::vector<double>& samples, const Sampling& sampling) {
    const bool tangents = linked.size() > 0;
    const Eigen::MatrixXd root = principal_root(covariance);
    if (sampling.sampled != nullptr && root.cols() > 0)
        *sampling.sampled = true;
    const auto points = normal_points(static_cast<std::size_t>(root.cols()), sampling.log2_points, sampling.replicate);
    const std::size_t count = root.cols() == 0 ? 1 : std::size_t{1} << sampling.log2_points;
    const PointMap map(mean, root);

    std::vector<NodeId> left{several.left};
    std::vector<NodeId> right = several.right;
    if (tangents) {
        left.insert(left.end(), several.gradient.begin(), several.gradient.end());
        right.insert(right.end(), several.directional.begin(), several.directional.end());
    }
    TapeRun on_left(several.left_tape, left, block, samples.data());
    TapeRun on_right(several.right_tape, right, block, samples.data());

    const std::size_t l = several.left_gaussians;
    const std::size_t r = several.right_gaussians;
    std::vector<double> values((l + 2 * r) * block, 0); // left Gaussians, right ones, the direction
    SeveralExpectations result;
    result.values.assign(several.right.size(), 0);
    result.tangents.assign(tangents ? several.right.size() : 0, 0);
    for (std::size_t first = 0; first < count; first += block) {
        const std::size_t size = std::min(block, count - first);
        map(points, first, size, values.data(), block);
        on_left.evaluate(values.data(), block, size);
        for (std::size_t y = 0; tangents && y < r; ++y)
            along_links(linked, static_cast<Eigen::Index>(y), several.left_tape, several.gradient, on_left, size,
                        values.data() + (l + r + y) * block);
        on_right.evaluate(values.data() + l * block, block, size);
        add_products(on_left, several.left, on_right, several.right, size, result.values);
        if (!tangents)
            continue;
        for (std::size_t j = 0; j < several.directional.size(); ++j)
            result.tangents[j] +=
                Eigen::Map<const Eigen::VectorXd>(on_right.row(several.directional[j]), static_cast<Eigen::Index>(size))
                    .sum();
    }
    for (std::vector<double>* sums : {&result.values, &result.tangents})
        for (double& sum : *sums)
            sum /= static_cast<double>(count);
    return result;
}

} // namespace tpc::joint
