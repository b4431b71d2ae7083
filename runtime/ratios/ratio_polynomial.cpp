#include "runtime/ratios/ratio_polynomial.hpp"

#include <boost/math/quadrature/gauss.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

// Nodes x = cos(theta) and weights of (1 - x^2)^((dimension - 3) / 2), by panels of theta that end at `edges`.
struct Panels {
    std::vector<double> x, weights;
};
Panels panels(std::vector<double> edges, int fewest, double dimension) {
    using Rule = boost::math::quadrature::gauss<double, 20>;
    for (int k = 0; k <= fewest; ++k)
        edges.push_back(std::numbers::pi * k / fewest);
    std::ranges::sort(edges);
    Panels result;
    for (std::size_t k = 0; k + 1 < edges.size(); ++k)
        for (std::size_t i = 0; i < Rule::abscissa().size(); ++i)
            for (const double side : {-1.0, 1.0}) {
                const double half = (edges[k + 1] - edges[k]) / 2;
                const double theta = edges[k] + half * (1 + side * Rule::abscissa()[i]);
                result.x.push_back(std::cos(theta));
                result.weights.push_back(half * Rule::weights()[i] * std::pow(std::sin(theta), dimension - 2));
            }
    return result;
}

std::vector<double> angles(const std::vector<double>& kinks, double range) {
    std::vector<double> result;
    for (const double kink : kinks)
        result.push_back(std::acos(std::clamp(kink / range, -1.0, 1.0)));
    return result;
}

// Of monic Gegenbauer polynomials: p_n+1 = x p_n - b_n p_n-1, b_n = n (n + 2 l - 1) / (4 (n + l) (n + l - 1)), with
// l = dimension / 2 - 1; orthogonal under the weight of `panels`.
double recurrence(std::size_t n, double dimension) {
    const double l = dimension / 2 - 1;
    const auto order = static_cast<double>(n);
    if (n <= 1) // the limit for l = 0
        return n == 0 ? 0 : 1 / (2 * (1 + l));
    return order * (order + 2 * l - 1) / (4 * (order + l) * (order + l - 1));
}

// p_n at points.
Eigen::MatrixXd gegenbauer(const std::vector<double>& x, std::size_t degree, double dimension) {
    Eigen::MatrixXd result(static_cast<Eigen::Index>(x.size()), static_cast<Eigen::Index>(degree + 1));
    const Eigen::Map<const Eigen::VectorXd> points(x.data(), result.rows());
    result.col(0).setOnes();
    for (Eigen::Index n = 0; n + 1 < result.cols(); ++n) {
        result.col(n + 1) = points.cwiseProduct(result.col(n));
        if (n > 0)
            result.col(n + 1) -= recurrence(static_cast<std::size_t>(n), dimension) * result.col(n - 1);
    }
    return result;
}
// Their powers, a column each.
Eigen::MatrixXd gegenbauer_powers(std::size_t degree, double dimension) {
    const auto size = static_cast<Eigen::Index>(degree + 1);
    Eigen::MatrixXd result = Eigen::MatrixXd::Zero(size, size);
    result(0, 0) = 1;
    for (Eigen::Index n = 0; n + 1 < size; ++n) {
        result.col(n + 1).tail(size - 1) = result.col(n).head(size - 1);
        if (n > 0)
            result.col(n + 1) -= recurrence(static_cast<std::size_t>(n), dimension) * result.col(n - 1);
    }
    return result;
}

} // namespace

std::optional<std::vector<double>> interpolate(const gaussian::Tape& f, double range, double tolerance) {
    constexpr std::size_t most_degree = 96;
    for (std::size_t degree = 8; degree <= most_degree; degree += 8) {
        const std::size_t n = degree + 1;
        std::vector<double> x(n), values(n);
        for (std::size_t i = 0; i < n; ++i)
            x[i] = range * std::cos(std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(n));
        f(n, x.data(), values.data());
        double square = 0;
        for (const double value : values)
            square += value * value / static_cast<double>(n);
        if (!std::isfinite(square))
            return std::nullopt;
        const double allowed = tolerance * std::sqrt(square) / 20;
        std::vector<double> chebyshev(n, 0);
        for (std::size_t k = 0; k < n; ++k)
            for (std::size_t i = 0; i < n; ++i)
                chebyshev[k] += (k == 0 ? 1.0 : 2.0) / static_cast<double>(n) * values[i] *
                                std::cos(std::numbers::pi * static_cast<double>(k) * (static_cast<double>(i) + 0.5) /
                                         static_cast<double>(n));
        // of the function and of its derivative, T_k' = k U_{k-1}
        double slope_square = 0;
        for (std::size_t k = 1; k < n; ++k)
            slope_square += std::pow(static_cast<double>(k) * chebyshev[k], 2);
        const double slope_allowed = tolerance * std::sqrt(slope_square) / 20;
        double rest = 0;
        double slope_rest = 0;
        std::size_t kept = n;
        for (; kept > 1; --kept) {
            const auto order = static_cast<double>(kept - 1);
            rest += std::abs(chebyshev[kept - 1]);
            slope_rest += order * std::abs(chebyshev[kept - 1]);
            if (rest > allowed || slope_rest > slope_allowed)
                break;
        }
        if (kept + 4 > n) // what lies beyond is as small only if the last ones are
            continue;
        // T_k by powers of x / r
        std::vector<double> powers(kept, 0), before{1}, here{0, 1};
        double magnitude = 0;
        for (std::size_t k = 0; k < kept; ++k) {
            const std::vector<double>& t = k == 0 ? before : here;
            for (std::size_t j = 0; j < t.size(); ++j) {
                powers[j] += chebyshev[k] * t[j];
                magnitude += std::abs(chebyshev[k] * t[j]);
            }
            if (k == 0)
                continue;
            std::vector<double> next(here.size() + 1, 0);
            for (std::size_t j = 0; j < here.size(); ++j)
                next[j + 1] = 2 * here[j];
            for (std::size_t j = 0; j < before.size(); ++j)
                next[j] -= before[j];
            before = std::move(here);
            here = std::move(next);
        }
        if (magnitude * 1e-15 > allowed)
            return std::nullopt;
        const bool odd = std::ranges::all_of(
            chebyshev, [&, k = 0UL](double c) mutable { return k++ % 2 == 1 || std::abs(c) <= 1e-14 * std::sqrt(square); });
        const bool even = std::ranges::all_of(
            chebyshev, [&, k = 0UL](double c) mutable { return k++ % 2 == 0 || std::abs(c) <= 1e-14 * std::sqrt(square); });
        for (std::size_t k = 0; k < kept; ++k) {
            powers[k] /= std::pow(range, static_cast<double>(k));
            if ((odd && k % 2 == 0) || (even && k % 2 == 1))
                powers[k] = 0;
        }
        return powers;
    }
    return std::nullopt;
}

std::optional<Projection> project(Values f, const std::vector<double>& kinks, double range, double dimension,
                                  std::size_t degree) {
    const Panels nodes = panels(angles(kinks, range), 8, dimension);
    const auto count = static_cast<Eigen::Index>(nodes.x.size());
    const Eigen::Map<const Eigen::VectorXd> weights(nodes.weights.data(), count);
    const Eigen::VectorXd t = range * Eigen::Map<const Eigen::VectorXd>(nodes.x.data(), count);
    Eigen::VectorXd values(count);
    f(nodes.x.size(), t.data(), values.data());
    const Eigen::MatrixXd p = gegenbauer(nodes.x, degree, dimension);
    const Eigen::VectorXd coefficients =
        (p.transpose() * weights.cwiseProduct(values)).cwiseQuotient(p.cwiseAbs2().transpose() * weights);
    const Eigen::MatrixXd powers = gegenbauer_powers(degree, dimension);
    Projection result;
    result.square = weights.dot(values.cwiseAbs2()) / weights.sum();
    result.magnitude = (powers.cwiseAbs() * coefficients.cwiseAbs()).sum();
    const Eigen::VectorXd sum = powers * coefficients;
    for (std::size_t k = 0; k <= degree; ++k)
        result.powers.push_back(sum[static_cast<Eigen::Index>(k)] / std::pow(range, static_cast<double>(k)));
    return std::isfinite(result.square) ? std::optional(std::move(result)) : std::nullopt;
}

} // namespace tpc::joint
