#include "runtime/gaussian/hermite.hpp"

#include <boost/math/quadrature/gauss.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <mutex>
#include <numbers>
#include <tuple>

namespace tpc::gaussian {

namespace {

// he_k(z) sqrt(w(z)), w the normal density, for all nodes: sqrt(k+1) he_{k+1} = z he_k - sqrt(k) he_{k-1}. Each step waits
// for the one before, so several nodes go side by side.
Eigen::MatrixXd hermite_functions(std::size_t terms, const Eigen::VectorXd& nodes, const Eigen::VectorXd& root_density) {
    constexpr Eigen::Index lanes = 16;
    using Lanes = Eigen::Array<double, lanes, 1>;
    Eigen::MatrixXd basis(static_cast<Eigen::Index>(terms), nodes.size());
    const Eigen::VectorXd root = Eigen::VectorXd::LinSpaced(basis.rows() + 1, 0, static_cast<double>(terms)).cwiseSqrt();
    for (Eigen::Index j = 0; j < nodes.size(); j += lanes) {
        const Eigen::Index count = std::min(lanes, nodes.size() - j);
        Lanes z = Lanes::Zero(), previous = Lanes::Zero(), current = Lanes::Zero();
        z.head(count) = nodes.segment(j, count);
        current.head(count) = root_density.segment(j, count);
        for (Eigen::Index k = 0; k < basis.rows(); ++k) {
            for (Eigen::Index lane = 0; lane < count; ++lane)
                basis(k, j + lane) = current(lane);
            const double scale = 1 / root(k + 1);
            const Lanes next = (z * current - root(k) * previous) * scale;
            previous = current;
            current = next;
        }
    }
    return basis;
}

Eigen::VectorXd root_density(const Eigen::VectorXd& nodes) {
    return (-nodes.array().square() / 4).exp() / std::sqrt(std::sqrt(2 * std::numbers::pi));
}

// values and slopes from samples: values(k) = sum_j basis(k, j) weight(j) phi_j root_density_j.
HermiteCoefficients project(const Univariate& phi, const Eigen::MatrixXd& basis, const Eigen::VectorXd& nodes,
                            const Eigen::VectorXd& weights, const Eigen::VectorXd& density, double variance, double mean) {
    const double deviation = std::sqrt(variance);
    const Eigen::VectorXd z = (deviation * nodes).array() + mean;
    Eigen::VectorXd value(z.size()), slope(z.size());
    const auto count = static_cast<std::size_t>(z.size());
    (*phi.value)(count, z.data(), value.data());
    (*phi.slope)(count, z.data(), slope.data());
    value = value.cwiseProduct(density);
    slope = slope.cwiseProduct(density);
    HermiteCoefficients result;
    result.value_norm = (value.array().square() * weights.array()).sum();
    result.slope_norm = (slope.array().square() * weights.array()).sum();
    value = value.cwiseProduct(weights);
    slope = slope.cwiseProduct(weights);
    result.slopes = basis * slope;
    if (!phi.smooth) {
        result.values = basis * value;
        return result;
    }
    // E[phi he_k] = s / sqrt(k) E[phi' he_{k-1}]: exact for small variances too.
    result.values.resize(basis.rows());
    result.values(0) = basis.row(0).dot(value);
    for (Eigen::Index k = 1; k < basis.rows(); ++k)
        result.values(k) = deviation / std::sqrt(static_cast<double>(k)) * result.slopes(k - 1);
    return result;
}

} // namespace

HermiteRule::HermiteRule(std::size_t terms, std::size_t nodes, double extent) {
    const auto count = static_cast<Eigen::Index>(nodes | 1U);
    nodes_.resize(count);
    for (Eigen::Index j = 0; j < count; ++j) // symmetric to the last bit
        nodes_(j) = extent * static_cast<double>(2 * j - (count - 1)) / static_cast<double>(count - 1);
    root_weight_ = root_density(nodes_);
    basis_ = hermite_functions(terms, nodes_, root_weight_);
}

std::shared_ptr<const HermiteRule> hermite_rule(std::size_t terms, std::size_t nodes, double extent) {
    constexpr std::size_t most_kept = 16, largest_kept = std::size_t{1} << 20; // numbers of a basis
    using Key = std::tuple<std::size_t, std::size_t, double>;
    static std::mutex mutex;
    static std::deque<std::pair<Key, std::shared_ptr<const HermiteRule>>> kept; // the latest at the end
    const Key key{terms, nodes, extent};
    const std::scoped_lock lock(mutex);
    for (const auto& [known, rule] : kept)
        if (known == key)
            return rule;
    auto made = std::make_shared<const HermiteRule>(terms, nodes, extent);
    if (terms * nodes <= largest_kept) {
        if (kept.size() == most_kept)
            kept.pop_front();
        kept.emplace_back(key, made);
    }
    return made;
}

HermiteCoefficients HermiteRule::operator()(const Univariate& phi, double variance, double mean) const {
    const double spacing = nodes_(1) - nodes_(0);
    return project(phi, basis_, nodes_, Eigen::VectorXd::Constant(nodes_.size(), spacing), root_weight_, variance, mean);
}

HermiteCoefficients kinked_coefficients(const Univariate& phi, std::size_t terms, double variance, double mean) {
    constexpr double extent = 14;
    std::vector<double> breaks{-extent, extent};
    if (variance > 0)
        for (const Group& group : *phi.groups)
            if (const double z = (group.kink - mean) / std::sqrt(variance); group.jump && std::abs(z) < extent)
                breaks.push_back(z);
    std::sort(breaks.begin(), breaks.end());
    return panel_coefficients(phi, terms, variance, mean, breaks);
}

HermiteCoefficients panel_coefficients(const Univariate& phi, std::size_t terms, double variance, double mean,
                                       const std::vector<double>& edges) {
    using Rule = boost::math::quadrature::gauss<double, 20>;
    // he_k oscillates with frequency sqrt(k): 20 nodes resolve a panel of a few radians.
    const double width = 4 / (1 + std::sqrt(static_cast<double>(terms)));
    std::vector<double> nodes, weights;
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
        const double length = edges[i + 1] - edges[i];
        const auto panels = static_cast<std::size_t>(std::ceil(length / width));
        for (std::size_t panel = 0; panel < panels; ++panel) {
            const double half = length / static_cast<double>(panels) / 2;
            const double centre = edges[i] + half * static_cast<double>(2 * panel + 1);
            for (std::size_t j = 0; j < Rule::abscissa().size(); ++j)
                for (double side : {-1.0, 1.0}) {
                    nodes.push_back(centre + side * half * Rule::abscissa()[j]);
                    weights.push_back(half * Rule::weights()[j]);
                }
        }
    }
    const Eigen::VectorXd z = Eigen::Map<Eigen::VectorXd>(nodes.data(), static_cast<Eigen::Index>(nodes.size()));
    const Eigen::VectorXd w = Eigen::Map<Eigen::VectorXd>(weights.data(), static_cast<Eigen::Index>(weights.size()));
    const Eigen::VectorXd density = root_density(z);
    return project(phi, hermite_functions(terms, z, density), z, w, density, variance, mean);
}

} // namespace tpc::gaussian
