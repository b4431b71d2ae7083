#include "runtime/planes/planar.hpp"

#include "runtime/planes/plane.hpp"
#include "runtime/planes/strips.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

struct Method {
    double tolerance = 0; // of quadrature
    double extent = 0;
    Coordinates at;
    Smoothing first, second; // of the coordinates
    std::size_t most_points = 0;
};

// Functions of the left side, of the right one, or of both: mean and root of all Gaussians.
Plane plane(const Integrand& integrand, const Eigen::VectorXd& mean, const Coordinates& at,
            const std::vector<double>& samples, bool left, bool right, bool slopes) {
    Eigen::MatrixXd root = Eigen::MatrixXd::Zero(mean.size(), 2);
    std::vector<NodeId> outputs;
    const bool pairs = slopes && integrand.left_gaussians > 0 && integrand.right_gaussians > 0;
    const auto add = [&](NodeId value, const std::vector<NodeId>& gradient) {
        outputs.push_back(value);
        if (pairs)
            outputs.insert(outputs.end(), gradient.begin(), gradient.end());
    };
    if (left) {
        root.topRows(at.left.rows()) = at.left;
        add(integrand.left, integrand.left_gradient);
    }
    if (right) {
        root.bottomRows(at.right.rows()) = at.right;
        add(integrand.right, integrand.right_gradient);
    }
    return {integrand, std::move(outputs), mean, std::move(root), samples};
}

using ConstRows = Eigen::Map<const Rows>;

// A line smoothed: outputs by places t.
void smooth(const LinePoints& line, Eigen::Index outputs, const Smoothing& smoothing, Rows& result) {
    const auto count = static_cast<Eigen::Index>(line.places.size());
    const ConstRows values(line.values.data(), count, outputs);
    Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(outputs, smoothing.count());
    Smoothing::Weights weights;
    for (Eigen::Index k = 0; k < count; ++k) {
        const auto place = static_cast<std::size_t>(k);
        smoothing.weights(line.places[place], weights);
        for (Eigen::Index t = 0; t < weights.count; ++t) {
            const double weight = weights.values[t] * line.weights[place];
            for (Eigen::Index o = 0; o < outputs; ++o)
                sum(o, weights.first + t) += weight * values(k, o);
        }
    }
    result = sum;
}

// E over w of products of all pairs of outputs.
Eigen::MatrixXd gram(const LinePoints& line, Eigen::Index outputs) {
    const auto count = static_cast<Eigen::Index>(line.places.size());
    const ConstRows values(line.values.data(), count, outputs);
    const Eigen::Map<const Eigen::ArrayXd> weights(line.weights.data(), count), places(line.places.data(), count);
    const Eigen::ArrayXd density = weights * (-places.square() / 2).exp() / std::sqrt(2 * std::numbers::pi);
    return values.transpose() * density.matrix().asDiagonal() * values;
}

// Along the first coordinate; what is integrated there is for the caller to say.
Strips strips_of(const Method& method) {
    Strips strips;
    strips.extent = method.extent;
    strips.width = method.first.width();
    strips.tolerance = method.tolerance;
    return strips;
}

// The functions of one side, smoothed: t of the first coordinate by outputs and t of the second one.
std::optional<Eigen::MatrixXd> smoothed(Plane& plane, const Method& method) {
    const auto outputs = static_cast<Eigen::Index>(plane.outputs());
    const Smoothing second = plane.flat() ? Smoothing{} : method.second;
    Strips strips = strips_of(method);
    strips.smoothing = method.first;
    strips.scales.resize(outputs * second.count());
    for (Eigen::Index o = 0; o < outputs; ++o)
        strips.scales.segment(o * second.count(), second.count()).setConstant(plane.norms()[o]);
    std::vector<LinePoints> lines;
    Rows own;
    strips.values = [&](const Eigen::VectorXd& u, double tolerance, Eigen::MatrixXd& values) {
        if (!plane.lines(u, {method.extent, second.width(), tolerance, method.most_points, false}, lines))
            return false;
        for (Eigen::Index k = 0; k < u.size(); ++k) {
            smooth(lines[static_cast<std::size_t>(k)], outputs, second, own);
            values.row(k) = own.reshaped<Eigen::RowMajor>().transpose();
        }
        return true;
    };
    strips.signature = [&](double u) { return plane.signature(u, reach_of(u, method.extent)); };
    strips.hides = [&](double low, double high) { return plane.hides_between(low, high); };
    return integrate(strips);
}

using Products = std::optional<Eigen::MatrixXd>; // of the outputs of both sides

// No coordinate in common.
Products apart(Plane& left, Plane& right, const Method& method) {
    const auto f = smoothed(left, method);
    const auto g = f ? smoothed(right, method) : std::nullopt;
    if (!g)
        return std::nullopt;
    const auto p = static_cast<Eigen::Index>(left.outputs()), q = static_cast<Eigen::Index>(right.outputs());
    Eigen::MatrixXd result(p, q);
    for (Eigen::Index a = 0; a < p; ++a)
        for (Eigen::Index b = 0; b < q; ++b) {
            const Eigen::Index m = f->cols() / p, k = g->cols() / q;
            result(a, b) = f->middleCols(a * m, m).cwiseProduct(g->middleCols(b * k, k)).sum();
        }
    return result;
}

// One coordinate in common: on each line the other is smoothed.
Products by_lines(Plane& left, Plane& right, const Method& method) {
    const auto p = static_cast<Eigen::Index>(left.outputs()), q = static_cast<Eigen::Index>(right.outputs());
    const Smoothing second = left.flat() || right.flat() ? Smoothing{} : method.second;
    Strips strips = strips_of(method);
    strips.power = 1;
    strips.scales = (left.norms() * right.norms().transpose()).reshaped();
    std::vector<LinePoints> lines, others;
    Rows f, g;
    strips.values = [&](const Eigen::VectorXd& u, double tolerance, Eigen::MatrixXd& values) {
        if (!left.lines(u, {method.extent, second.width(), tolerance, method.most_points, false}, lines) ||
            !right.lines(u, {method.extent, second.width(), tolerance, method.most_points, false}, others))
            return false;
        for (Eigen::Index k = 0; k < u.size(); ++k) {
            smooth(lines[static_cast<std::size_t>(k)], p, second, f);
            smooth(others[static_cast<std::size_t>(k)], q, second, g);
            values.row(k) = (f * g.transpose()).reshaped().transpose();
        }
        return true;
    };
    strips.signature = [&](double u) {
        const double reach = reach_of(u, method.extent);
        std::vector<int> result = left.signature(u, reach);
        constexpr int between = -9;
        result.push_back(between);
        for (const int one : right.signature(u, reach))
            result.push_back(one);
        return result;
    };
    strips.hides = [&](double low, double high) { return left.hides_between(low, high) || right.hides_between(low, high); };
    const auto all = integrate(strips);
    return all ? Products(all->reshaped(p, q)) : std::nullopt;
}

// Both coordinates in common.
Products by_plane(Plane& both, Eigen::Index p, const Method& method) {
    const auto outputs = static_cast<Eigen::Index>(both.outputs());
    Strips strips = strips_of(method);
    strips.power = 1;
    strips.scales = (both.norms() * both.norms().transpose()).reshaped();
    std::vector<LinePoints> lines;
    strips.values = [&](const Eigen::VectorXd& u, double tolerance, Eigen::MatrixXd& values) {
        if (!both.lines(u, {method.extent, method.second.width(), tolerance, method.most_points, true}, lines))
            return false;
        for (Eigen::Index k = 0; k < u.size(); ++k)
            values.row(k) = gram(lines[static_cast<std::size_t>(k)], outputs).reshaped().transpose();
        return true;
    };
    strips.signature = [&](double u) { return both.signature(u, reach_of(u, method.extent)); };
    strips.hides = [&](double low, double high) { return both.hides_between(low, high); };
    const auto all = integrate(strips);
    return all ? Products(all->reshaped(outputs, outputs).topRightCorner(p, outputs - p)) : std::nullopt;
}

} // namespace

std::optional<Planar> planar_at(const Integrand& integrand, const Eigen::VectorXd& mean, const Coordinates& at,
                                const std::vector<double>& samples, bool slopes, double tolerance, double& work) {
    constexpr double least_work = 1e5; // of the smallest grid, before anything is evaluated
    if (work < least_work)
        return std::nullopt;
    Method method;
    method.at = at;
    method.tolerance = tolerance / 4;
    const double negligible = std::pow(tolerance, 1.7);
    const bool together = method.at.common == 2;
    Plane left = plane(integrand, mean, method.at, samples, true, together, slopes);
    Plane right = plane(integrand, mean, method.at, samples, false, true, slopes);
    const auto reach = left.extent(negligible), other = right.extent(negligible);
    if (!reach || !other)
        return std::nullopt;
    method.extent = std::max(*reach, *other);
    const auto smoothing_of = [&](Eigen::Index k) {
        const auto& s = method.at.correlations;
        const Eigen::Index own = k - method.at.common;
        const bool has = own >= 0 && own < std::ssize(s);
        return has ? smoothing(s[static_cast<std::size_t>(own)], method.extent, method.tolerance) : Smoothing{};
    };
    method.first = smoothing_of(0);
    method.second = smoothing_of(1);

    const auto nodes = [&](const Smoothing& one) {
        constexpr double kinks = 8; // and their like
        return PanelRule::count * (2 * method.extent / one.width() + kinks);
    };
    const double points = nodes(method.first) * nodes(method.second);
    const double band = std::min(4 * method.second.cut, static_cast<double>(method.second.count()));
    const double cost = static_cast<double>(left.operations()) + band * static_cast<double>(left.outputs() + 1) / 4;
    if (2 * points * cost > work)
        return std::nullopt;
    constexpr double reserve = 40; // for what is refined
    method.most_points = static_cast<std::size_t>(std::min(reserve * points, work / cost));

    const auto lefts = static_cast<Eigen::Index>(integrand.left_gaussians);
    const auto rights = static_cast<Eigen::Index>(integrand.right_gaussians);
    const bool pairs = slopes && lefts > 0 && rights > 0;
    const Eigen::Index p = pairs ? 1 + lefts : 1;
    const Products products = together                ? by_plane(left, p, method)
                              : method.at.common == 1 ? by_lines(left, right, method)
                                                      : apart(left, right, method);
    work -= cost * static_cast<double>(left.points() + right.points());
    if (!products || !products->allFinite())
        return std::nullopt;
    Planar result;
    result.points = left.points() + right.points();
    result.error = tolerance;
    result.expectation.value = (*products)(0, 0);
    result.norm = left.norms()[0] * right.norms()[0];
    if (slopes)
        result.expectation.slopes = Eigen::MatrixXd::Zero(lefts, rights);
    if (pairs) {
        result.expectation.slopes = products->bottomRightCorner(lefts, rights);
        result.slope_norm = left.norms().segment(1, lefts).maxCoeff() * right.norms().tail(rights).maxCoeff();
    }
    return result;
}

} // namespace tpc::joint
