#include "runtime/joint/growth.hpp"

#include "runtime/gaussian/dual.hpp"
#include "runtime/joint/elementwise.hpp"
#include "runtime/joint/points.hpp"

#include <algorithm>
#include <array>
#include <cmath>
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
            rise[k] += Eigen::Map<const Eigen::ArrayXd>(run.row(factor.node), rays.cols()).abs().log();
        }
    }
    // From where a function is 0 anything rises: it has to be large, too.
    const double large = -radii[0] * radii[0] / 2;
    for (Eigen::Index ray = 0; ray < rays.cols(); ++ray)
        if (rise[1](ray) > std::max(rise[0](ray), large) || rise[1](ray) == std::numeric_limits<double>::infinity())
            throw gaussian::NoExpectation("an expectation over several Gaussians is infinite: its function outgrows them");
}

} // namespace tpc::joint
