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

// he_k(z) sqrt(w(z)) of even and of odd k < terms, w the normal density, for all nodes: sqrt(k+1) he_{k+1} = z he_k -
// sqrt(k) he_{k-1}. Each step waits for the one before, so several nodes go side by side.
std::array<Eigen::MatrixXd, 2> hermite_functions(std::size_t terms, const Eigen::VectorXd& nodes,
                                                 const Eigen::VectorXd& root_density) {
    constexpr Eigen::Index lanes = 16;
    using Lanes = Eigen::Array<double, lanes, 1>;
    const auto count = static_cast<Eigen::Index>(terms);
    std::array basis{Eigen::MatrixXd((count + 1) / 2, nodes.size()), Eigen::MatrixXd(count / 2, nodes.size())};
    const Eigen::VectorXd root = Eigen::VectorXd::LinSpaced(count + 1, 0, static_cast<double>(terms)).cwiseSqrt();
    for (Eigen::Index j = 0; j < nodes.size(); j += lanes) {
        const Eigen::Index some = std::min(lanes, nodes.size() - j);
        Lanes z = Lanes::Zero(), previous = Lanes::Zero(), current = Lanes::Zero();
        z.head(some) = nodes.segment(j, some);
        current.head(some) = root_density.segment(j, some);
        for (Eigen::Index k = 0; k < count; ++k) {
            for (Eigen::Index lane = 0; lane < some; ++lane)
                basis[static_cast<std::size_t>(k % 2)](k / 2, j + lane) = current(lane);
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

// phi and phi' at nodes.
struct Sampled {
    Eigen::VectorXd value, slope;
    Sampled(const Univariate& phi, const Eigen::VectorXd& z) : value(z.size()), slope(z.size()) {
        const auto count = static_cast<std::size_t>(z.size());
        (*phi.value)(count, z.data(), value.data());
        (*phi.slope)(count, z.data(), slope.data());
    }
};

// sum over nodes of he_k times the numbers that even and odd k meet there.
Eigen::VectorXd sums(const std::array<Eigen::MatrixXd, 2>& basis, const Eigen::VectorXd& even, const Eigen::VectorXd& odd) {
    Eigen::VectorXd result = Eigen::VectorXd::Zero(basis[0].rows() + basis[1].rows());
    for (const std::size_t parity : {0, 1}) {
        const Eigen::VectorXd& weighted = parity == 0 ? even : odd;
        if (weighted.isZero(0)) // an odd function has no even coefficients
            continue;
        const Eigen::VectorXd own = basis[parity] * weighted;
        for (Eigen::Index k = 0; k < own.size(); ++k)
            result(2 * k + static_cast<Eigen::Index>(parity)) = own(k);
    }
    return result;
}

// The values of a smooth function but the first, E[phi he_k] = s / sqrt(k) E[phi' he_{k-1}]: exact for small variances too.
void values_from_slopes(HermiteCoefficients& coefficients, double deviation) {
    for (Eigen::Index k = 1; k < coefficients.values.size(); ++k)
        coefficients.values(k) = deviation / std::sqrt(static_cast<double>(k)) * coefficients.slopes(k - 1);
}

} // namespace

HermiteRule::HermiteRule(std::size_t terms, std::size_t nodes, double extent) : terms_(terms) {
    const auto half = static_cast<Eigen::Index>(nodes / 2);
    nodes_ = Eigen::VectorXd::LinSpaced(half + 1, 0, extent);
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
    const double deviation = std::sqrt(variance);
    const Eigen::Index half = nodes_.size();
    Eigen::VectorXd z(2 * half);
    z << (deviation * nodes_).array() + mean, mean - (deviation * nodes_).array();
    const Sampled at(phi, z);
    Eigen::ArrayXd weights = root_weight_.array() * (nodes_(1) - nodes_(0));
    weights(0) /= 2; // once on either side
    const auto right = [&](const Eigen::VectorXd& x) { return x.head(half).array(); };
    const auto left = [&](const Eigen::VectorXd& x) { return x.tail(half).array(); };
    const auto norm = [&](const Eigen::VectorXd& x) {
        return ((right(x).square() + left(x).square()) * root_weight_.array() * weights).sum();
    };
    const auto project = [&](const Eigen::VectorXd& x) {
        return sums(basis_, (right(x) + left(x)) * weights, (right(x) - left(x)) * weights);
    };
    HermiteCoefficients result;
    result.value_norm = norm(at.value);
    result.slope_norm = norm(at.slope);
    result.slopes = project(at.slope);
    if (!phi.smooth) {
        result.values = project(at.value);
        return result;
    }
    result.values.resize(result.slopes.size());
    result.values(0) = basis_[0].row(0).dot(((right(at.value) + left(at.value)) * weights).matrix());
    values_from_slopes(result, deviation);
    return result;
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
    std::vector<double> nodes, lengths;
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
        const double length = edges[i + 1] - edges[i];
        const auto panels = static_cast<std::size_t>(std::ceil(length / width));
        for (std::size_t panel = 0; panel < panels; ++panel) {
            const double half = length / static_cast<double>(panels) / 2;
            const double centre = edges[i] + half * static_cast<double>(2 * panel + 1);
            for (std::size_t j = 0; j < Rule::abscissa().size(); ++j)
                for (double side : {-1.0, 1.0}) {
                    nodes.push_back(centre + side * half * Rule::abscissa()[j]);
                    lengths.push_back(half * Rule::weights()[j]);
                }
        }
    }
    const Eigen::VectorXd z = Eigen::Map<Eigen::VectorXd>(nodes.data(), static_cast<Eigen::Index>(nodes.size()));
    const Eigen::VectorXd w = Eigen::Map<Eigen::VectorXd>(lengths.data(), static_cast<Eigen::Index>(lengths.size()));
    const Eigen::VectorXd density = root_density(z);
    const auto basis = hermite_functions(terms, z, density);
    const Eigen::VectorXd weights = density.cwiseProduct(w);
    const Sampled at(phi, (std::sqrt(variance) * z).array() + mean);
    const auto norm = [&](const Eigen::VectorXd& x) {
        return (x.array().square() * density.array() * weights.array()).sum();
    };
    const auto project = [&](const Eigen::VectorXd& x) {
        const Eigen::VectorXd weighted = x.cwiseProduct(weights);
        return sums(basis, weighted, weighted);
    };
    HermiteCoefficients result{project(at.value), project(at.slope), norm(at.value), norm(at.slope)};
    if (phi.smooth)
        values_from_slopes(result, std::sqrt(variance));
    return result;
}

} // namespace tpc::gaussian
