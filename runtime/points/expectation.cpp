#include "runtime/points/expectation.hpp"

#include "runtime/gaussian/dual.hpp"
#include "runtime/points/growth.hpp"
#include "runtime/points/root.hpp"
#include "runtime/tapes/elementwise.hpp"

#include <boost/math/special_functions/gamma.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace tpc::joint {
namespace {

// What turns f(z), homogeneous of this degree, into f on the sphere times E|z|^degree.
class Radial {
  public:
    Radial(const Degree& degree, bool centred, Eigen::Index rank) : degree_(degree.value) {
        active_ = centred && degree.known && !degree.zero && degree.value != 0 && rank > 0;
        if (!active_)
            return;
        const auto r = static_cast<double>(rank);
        if (r + degree_ <= 0)
            throw gaussian::NoExpectation("an expectation is infinite");
        moment_ = std::exp2(degree_ / 2) * boost::math::tgamma_ratio((r + degree_) / 2, r / 2);
    }
    [[nodiscard]] bool active() const { return active_; }
    [[nodiscard]] double weight(double squared_norm) const { return moment_ * std::pow(squared_norm, -degree_ / 2); }

  private:
    double degree_;
    bool active_ = false;
    double moment_ = 1;
};

Degree times(const Degree& a, const Degree& b) {
    return {a.known && b.known, a.zero || b.zero, a.value + b.value};
}

// The common degree of several nodes; zeros have any.
Degree common(const std::vector<Degree>& all, const std::vector<NodeId>& nodes) {
    Degree result{true, true, 0};
    for (const NodeId id : nodes) {
        const Degree& one = all[id];
        if (one.zero)
            continue;
        if (!one.known || (!result.zero && one.value != result.value))
            return {};
        result = one;
    }
    return result;
}

} // namespace

void finish(Integrand& integrand, bool slopes) {
    const std::uint32_t all = integrand.left_gaussians + integrand.right_gaussians;
    if (slopes) {
        const std::vector<NodeId> left = integrand.tape.gradient(integrand.left, all);
        const std::vector<NodeId> right = integrand.tape.gradient(integrand.right, all);
        integrand.left_gradient.assign(left.begin(), left.begin() + integrand.left_gaussians);
        integrand.right_gradient.assign(right.begin() + integrand.left_gaussians, right.end());
    }
    const std::vector<Degree> degree = degrees(integrand.tape);
    integrand.degree = times(degree[integrand.left], degree[integrand.right]);
    integrand.slope_degree = times(common(degree, integrand.left_gradient), common(degree, integrand.right_gradient));
}

std::vector<NodeId> all_outputs(const Integrand& integrand, bool slopes) {
    std::vector<NodeId> outputs{integrand.left, integrand.right};
    if (slopes) {
        outputs.insert(outputs.end(), integrand.left_gradient.begin(), integrand.left_gradient.end());
        outputs.insert(outputs.end(), integrand.right_gradient.begin(), integrand.right_gradient.end());
    }
    return outputs;
}

PointMap::PointMap(const Eigen::VectorXd& mean, const Eigen::MatrixXd& root) : mean_(mean) {
    rows_.resize(static_cast<std::size_t>(root.rows()));
    for (Eigen::Index k = 0; k < root.rows(); ++k)
        for (Eigen::Index c = 0; c < root.cols(); ++c)
            if (root(k, c) != 0)
                rows_[static_cast<std::size_t>(k)].emplace_back(static_cast<std::size_t>(c), root(k, c));
}

template <class Real>
void PointMap::operator()(const std::vector<std::shared_ptr<const Row<Real>>>& points, std::size_t first, std::size_t count,
                          Real* values, std::size_t stride) const {
    std::vector<double> weights;
    std::vector<const Real*> rows;
    for (std::size_t k = 0; k < rows_.size(); ++k) {
        weights.clear();
        rows.clear();
        for (const auto& [coordinate, weight] : rows_[k]) {
            weights.push_back(weight);
            rows.push_back(points[coordinate]->data() + first);
        }
        combine(mean_[static_cast<Eigen::Index>(k)], weights.data(), rows.data(), rows.size(), values + k * stride, count);
    }
}

template void PointMap::operator()(const std::vector<std::shared_ptr<const Row<double>>>&, std::size_t, std::size_t, double*,
                                   std::size_t) const;
template void PointMap::operator()(const std::vector<std::shared_ptr<const Row<float>>>&, std::size_t, std::size_t, float*,
                                   std::size_t) const;

Expectation estimate(const Integrand& integrand, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                     const std::vector<double>& samples, const Sampling& sampling, bool slopes) {
    Eigen::MatrixXd root = principal_root(covariance);
    if (sampling.has_frame())
        root *= rotation_to(root, *sampling.frame);
    else if (sampling.frame != nullptr)
        *sampling.frame = root;
    const Eigen::Index gaussians = covariance.rows();
    const Eigen::Index rank = root.cols();
    if (sampling.sampled != nullptr && rank > 0)
        *sampling.sampled = true;
    if (sampling.one_sample)
        require_existence({{&integrand.tape, integrand.left, 0}, {&integrand.tape, integrand.right, 0}}, mean, root,
                          samples);
    const bool centred = mean.isZero(0);
    const Radial radial(integrand.degree, centred, rank);
    const Radial slope_radial(slopes ? integrand.slope_degree : Degree{}, centred, rank);

    constexpr std::size_t block = 256; // points at once
    TapeRun run(integrand.tape, all_outputs(integrand, slopes), block, samples.data());

    // Without Gaussians that vary, one point says all.
    const std::size_t count = rank == 0 ? 1 : std::size_t{1} << sampling.log2_points;
    const auto points = normal_points(static_cast<std::size_t>(rank), sampling.log2_points, sampling.replicate);
    using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

    const PointMap map(mean, root);
    const auto squared_norms = [&](std::size_t first, Eigen::Index n) {
        Eigen::ArrayXd norms = Eigen::ArrayXd::Zero(n);
        for (const auto& row : points)
            norms += Eigen::Map<const Eigen::ArrayXd>(row->data() + first, n).square();
        return norms;
    };

    Expectation result;
    const auto left_size = static_cast<Eigen::Index>(integrand.left_gradient.size());
    const auto right_size = static_cast<Eigen::Index>(integrand.right_gradient.size());
    if (slopes)
        result.slopes = Eigen::MatrixXd::Zero(left_size, right_size);
    std::vector<double> values(static_cast<std::size_t>(gaussians) * block);
    Rows left(left_size, static_cast<Eigen::Index>(block));
    Rows right(right_size, static_cast<Eigen::Index>(block));
    Eigen::ArrayXd norms;
    for (std::size_t first = 0; first < count; first += block) {
        const std::size_t size = std::min(block, count - first);
        const auto n = static_cast<Eigen::Index>(size);
        map(points, first, size, values.data(), block);
        run.evaluate(values.data(), block, size);
        if (radial.active() || slope_radial.active())
            norms = squared_norms(first, n);
        const Eigen::Map<const Eigen::ArrayXd> l(run.row(integrand.left), n);
        const Eigen::Map<const Eigen::ArrayXd> r(run.row(integrand.right), n);
        if (radial.active())
            result.value += (l * r * norms.unaryExpr([&](double s) { return radial.weight(s); })).sum();
        else
            result.value += (l * r).sum();
        if (!slopes)
            continue;
        for (Eigen::Index k = 0; k < left_size; ++k)
            left.row(k).leftCols(n) =
                Eigen::Map<const Eigen::RowVectorXd>(run.row(integrand.left_gradient[static_cast<std::size_t>(k)]), n);
        for (Eigen::Index k = 0; k < right_size; ++k)
            right.row(k).leftCols(n) =
                Eigen::Map<const Eigen::RowVectorXd>(run.row(integrand.right_gradient[static_cast<std::size_t>(k)]), n);
        if (slope_radial.active())
            left.leftCols(n).array().rowwise() *=
                norms.unaryExpr([&](double s) { return slope_radial.weight(s); }).transpose();
        result.slopes.noalias() += left.leftCols(n) * right.leftCols(n).transpose();
    }
    result.value /= static_cast<double>(count);
    if (slopes)
        result.slopes /= static_cast<double>(count);
    return result;
}

} // namespace tpc::joint
