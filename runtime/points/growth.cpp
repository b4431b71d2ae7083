#include "runtime/points/growth.hpp"

#include "compiler/ir/extended.hpp"
#include "runtime/gaussian/dual.hpp"
#include "runtime/points/points.hpp"
#include "runtime/tapes/elementwise.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>

namespace tpc::joint {
namespace {

constexpr std::array<double, 2> radii{30, 40};

// Directions of standard normal coordinates, one a column. Those along a Gaussian are a little off, so that none passes
// through a singularity where the others are 0.
Eigen::MatrixXd directions(const Eigen::MatrixXd& root) {
    constexpr Eigen::Index random = 32;
    const Eigen::Index along = 2 * root.rows();
    const auto points = pilot_points(static_cast<std::size_t>(root.cols()));
    Eigen::MatrixXd result(root.cols(), along + random);
    for (Eigen::Index c = 0; c < root.cols(); ++c)
        for (Eigen::Index k = 0; k < result.cols(); ++k)
            result(c, k) =
                (*points[static_cast<std::size_t>(c)])[static_cast<std::size_t>(k) % (std::size_t{1} << pilot_log2)];
    result.colwise().normalize();
    for (Eigen::Index k = 0; k < along; ++k)
        result.col(k) = 0.1 * result.col(k) + (k % 2 == 0 ? 1 : -1) * root.row(k / 2).transpose().normalized();
    result.colwise().normalize();
    return result;
}

// log |f| where numbers on the way leave double precision, as exp(z) does in log(1 + exp(z)) at z = 800.
double log_extended(const Tape& tape, NodeId f, const std::function<double(std::uint32_t)>& gaussian,
                    const std::vector<double>& samples) {
    std::vector<long double> values;
    values.reserve(f + 1);
    for (NodeId k = 0; k <= f; ++k) {
        const TapeNode& node = tape.nodes()[k];
        switch (node.kind) {
        case TapeNode::Kind::number:
            values.push_back(node.number);
            break;
        case TapeNode::Kind::sample:
            values.push_back(samples[node.index]);
            break;
        case TapeNode::Kind::gaussian:
            values.push_back(gaussian(node.index));
            break;
        case TapeNode::Kind::apply: {
            const std::array<long double, 2> arguments{values[node.a], values[node.b]};
            const std::size_t count = ir::is_binary(node.function) ? 2 : 1;
            values.push_back(ir::evaluate_extended(node.function, llvm::ArrayRef<long double>(arguments).take_front(count)));
        }
        }
    }
    return static_cast<double>(std::log(std::abs(values[f])));
}

} // namespace

void require_existence(const std::vector<Factor>& factors, const Eigen::VectorXd& mean, const Eigen::MatrixXd& root,
                       const std::vector<double>& samples) {
    if (root.cols() == 0)
        return;
    const Eigen::MatrixXd rays = root * directions(root);
    const auto count = static_cast<std::size_t>(rays.cols());
    const std::size_t block = (count + row_step - 1) / row_step * row_step;
    std::array<Eigen::ArrayXd, radii.size()> rise; // logarithms of the product times the density
    for (std::size_t k = 0; k < radii.size(); ++k) {
        using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        Rows gaussians = Rows::Zero(rays.rows(), static_cast<Eigen::Index>(block));
        gaussians.leftCols(rays.cols()) = (radii[k] * rays).colwise() + mean;
        rise[k] = Eigen::ArrayXd::Constant(rays.cols(), -radii[k] * radii[k] / 2);
        for (const Factor& factor : factors) {
            TapeRun run(*factor.tape, {factor.node}, block, samples.data());
            run.evaluate(gaussians.data() + factor.first * block, block, count);
            const Eigen::Map<const Eigen::ArrayXd> values(run.row(factor.node), rays.cols());
            for (Eigen::Index ray = 0; ray < rays.cols(); ++ray) {
                const auto own = [&](std::uint32_t g) {
                    return gaussians(static_cast<Eigen::Index>(factor.first + g), ray);
                };
                rise[k](ray) += std::isfinite(values(ray)) ? std::log(std::abs(values(ray)))
                                                           : log_extended(*factor.tape, factor.node, own, samples);
            }
        }
    }
    // From where a function is 0 anything rises: it has to be large, too.
    const double large = -radii[0] * radii[0] / 2;
    for (Eigen::Index ray = 0; ray < rays.cols(); ++ray)
        if (rise[1](ray) > std::max(rise[0](ray), large) || rise[1](ray) == std::numeric_limits<double>::infinity())
            throw gaussian::NoExpectation("an expectation over several Gaussians is infinite: its function outgrows them");
}

} // namespace tpc::joint
