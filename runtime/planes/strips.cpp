#include "runtime/planes/strips.hpp"

#include "runtime/planes/plane.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

using Signature = std::vector<int>;

constexpr double nearest = 1e-13; // rounding of where switches change

// Between two places of different signatures: all places where they change.
void bisect(const Strips& strips, double low, const Signature& at_low, double high, const Signature& at_high,
            std::vector<double>& result) {
    const double middle = low + (high - low) / 2;
    if (high - low <= nearest * strips.extent) {
        result.push_back(middle);
        return;
    }
    const Signature at_middle = strips.signature(middle);
    if (at_middle != at_low)
        bisect(strips, low, at_low, middle, at_middle, result);
    if (at_middle != at_high)
        bisect(strips, middle, at_middle, high, at_high, result);
}

std::vector<double> edges(const Strips& strips) {
    constexpr int steps = 61; // places of symmetry are not among them
    const double off = strips.extent * 1e-3 * std::numbers::phi;
    std::vector<double> result{-strips.extent};
    double before = -strips.extent + off;
    Signature at_before = strips.signature(before);
    for (int k = 1; k <= steps; ++k) {
        const double here = -strips.extent + off + 2 * (strips.extent - off) * k / steps;
        Signature at_here = strips.signature(here);
        if (at_here != at_before)
            bisect(strips, before, at_before, here, at_here, result);
        before = here;
        at_before = std::move(at_here);
    }
    result.push_back(strips.extent);
    const auto close = [&](double a, double b) { return b - a <= 4 * nearest * strips.extent; };
    result.erase(std::unique(result.begin(), result.end(), close), result.end());
    return result;
}

} // namespace

std::optional<Eigen::MatrixXd> integrate(const Strips& strips) {
    const PanelRule& rule = PanelRule::instance();
    std::vector<std::pair<double, double>> open;
    const std::vector<double> all = edges(strips);
    for (std::size_t e = 0; e + 1 < all.size(); ++e) {
        const double length = all[e + 1] - all[e];
        const double pieces = std::ceil(length / strips.width);
        for (double p = 0; p < pieces; ++p)
            open.emplace_back(all[e] + length * p / pieces, all[e] + length * (p + 1) / pieces);
    }
    Eigen::MatrixXd result = Eigen::MatrixXd::Zero(strips.smoothing.count(), strips.scales.size());
    Eigen::MatrixXd values(PanelRule::count, strips.scales.size());
    std::array<Smoothing::Weights, PanelRule::count> weights;
    const Eigen::ArrayXd scales = strips.scales.array();
    while (!open.empty()) {
        const auto [low, high] = open.back();
        open.pop_back();
        const double length = high - low;
        constexpr double narrowest = 1e-5;
        if (length > narrowest && strips.hides(low, high)) {
            open.emplace_back(low, low + length / 2);
            open.emplace_back(low + length / 2, high);
            continue;
        }
        const Eigen::VectorXd u = ((low + high) / 2 + length / 2 * rule.nodes.array()).matrix();
        if (!strips.values(u, strips.tolerance * std::max(1.0, 1e-3 / length), values))
            return std::nullopt;
        const Eigen::ArrayXd density = (-u.array().square() / 2).exp() / std::sqrt(2 * std::numbers::pi);
        const Eigen::MatrixXd weighted = density.pow(strips.power).matrix().asDiagonal() * values;
        const Eigen::ArrayXd rest = (rule.highest * weighted).cwiseAbs().colwise().maxCoeff().transpose() * length;
        const Eigen::ArrayXd whole = weighted.cwiseAbs().colwise().maxCoeff().transpose() * length;
        const Eigen::ArrayXd allowed = strips.tolerance * scales;
        const double middle = low + length / 2;
        const auto met = [&](const Eigen::ArrayXd& what) { return (what <= allowed || scales == 0).all(); };
        if (!met(rest) && !met(whole)) {
            if (middle <= low || middle >= high)
                return std::nullopt;
            open.emplace_back(low, middle);
            open.emplace_back(middle, high);
            continue;
        }
        Eigen::Index first = result.rows(), last = 0;
        for (Eigen::Index k = 0; k < u.size(); ++k) {
            Smoothing::Weights& one = weights[static_cast<std::size_t>(k)];
            strips.smoothing.weights(u[k], one);
            first = std::min(first, one.first);
            last = std::max(last, one.first + one.count);
        }
        Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(last - first, u.size());
        for (Eigen::Index k = 0; k < u.size(); ++k) {
            const Smoothing::Weights& one = weights[static_cast<std::size_t>(k)];
            matrix.col(k).segment(one.first - first, one.count) =
                rule.weights[k] * (length / 2) * one.values.head(one.count).matrix();
        }
        result.middleRows(first, last - first).noalias() += matrix * values;
    }
    return result;
}

} // namespace tpc::joint
