#include "runtime/ratios/ratio_halves.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

// (f(side x) - f(0)) / x on (0, range] by Chebyshev polynomials of 2 x / range - 1.
std::vector<double> shifted_chebyshev(const gaussian::Tape& f, double side, double range, std::size_t n) {
    std::vector<double> x(n), values(n);
    for (std::size_t i = 0; i < n; ++i)
        x[i] = side * range *
               std::pow(std::cos(std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(2 * n)), 2);
    f(n, x.data(), values.data());
    const double constant = f(0);
    std::vector<double> result(n, 0);
    for (std::size_t k = 0; k < n; ++k)
        for (std::size_t i = 0; i < n; ++i)
            result[k] += (k == 0 ? 1.0 : 2.0) / static_cast<double>(n) * (values[i] - constant) / std::abs(x[i]) *
                         std::cos(std::numbers::pi * static_cast<double>(k) * (static_cast<double>(i) + 0.5) /
                                  static_cast<double>(n));
    return result;
}

// The powers of x / range in sum c_k T_k(2 x / range - 1), and the sum of what cancels in them.
std::pair<std::vector<double>, double> shifted_powers(const std::vector<double>& c, std::size_t kept) {
    std::vector<double> result(kept, 0), before{1}, here{-1, 2};
    double magnitude = 0;
    for (std::size_t k = 0; k < kept; ++k) {
        const std::vector<double>& t = k == 0 ? before : here;
        for (std::size_t j = 0; j < t.size(); ++j) {
            result[j] += c[k] * t[j];
            magnitude += std::abs(c[k] * t[j]);
        }
        if (k == 0)
            continue;
        std::vector<double> next(here.size() + 1, 0);
        for (std::size_t j = 0; j < here.size(); ++j) {
            next[j + 1] += 4 * here[j];
            next[j] -= 2 * here[j];
        }
        for (std::size_t j = 0; j < before.size(); ++j)
            next[j] -= before[j];
        before = std::move(here);
        here = std::move(next);
    }
    return {std::move(result), magnitude};
}

// Root mean squares over the range.
double typical(const gaussian::Tape& f, double range) {
    constexpr int points = 64;
    double sum = 0;
    for (int k = 0; k < points; ++k)
        sum += std::pow(f(range * std::cos(std::numbers::pi * (k + 0.5) / points)), 2) / points;
    return std::sqrt(sum);
}

} // namespace

Halves constant_halves(double value) {
    return {{{{value}, {value}}}};
}

std::optional<Halves> halves(const gaussian::Univariate& f, double range, double tolerance) {
    constexpr std::size_t most_degree = 48;
    const double constant = (*f.value)(0);
    const double allowed = tolerance * typical(*f.value, range) / 20;
    const double slope_allowed = tolerance * range * typical(*f.slope, range) / 20;
    if (!std::isfinite(allowed) || !std::isfinite(slope_allowed) || !std::isfinite(constant))
        return std::nullopt;
    Halves result;
    for (const std::size_t side : {0, 1}) {
        std::vector<double>& powers = result.powers[side];
        for (std::size_t n = 9; powers.empty(); n += 8) {
            if (n > most_degree)
                return std::nullopt;
            const std::vector<double> c = shifted_chebyshev(*f.value, side == 0 ? 1 : -1, range, n);
            if (!std::ranges::all_of(c, [](double x) { return std::isfinite(x); }))
                return std::nullopt;
            double rest = 0, slope_rest = 0;
            std::size_t kept = n;
            for (; kept > 0; --kept) {
                rest += range * std::abs(c[kept - 1]);
                slope_rest += range * (2 * static_cast<double>(kept - 1) + 1) * std::abs(c[kept - 1]);
                if (rest > allowed || slope_rest > slope_allowed)
                    break;
            }
            if (kept + 4 > n) // what lies beyond is as small only if the last ones are
                continue;
            const auto [by_range, magnitude] = shifted_powers(c, kept);
            if (range * magnitude * 1e-15 > allowed)
                return std::nullopt;
            powers = {constant};
            for (std::size_t k = 0; k < kept; ++k)
                powers.push_back(by_range[k] / std::pow(range, static_cast<double>(k)));
        }
    }
    const std::size_t size = std::max(result.powers[0].size(), result.powers[1].size());
    for (auto& powers : result.powers)
        powers.resize(size, 0);
    return result;
}

// By parts, with E[X F] = E[dF/dX] + rho E[dF/dY], where the edges X = 0 and Y = 0 of the quadrant add moments of one
// Gaussian of the variance 1 - rho^2 on a half line. Absolute errors stay those of rounding.
void quadrant_moments(double minus, double plus, Eigen::MatrixXd& M) {
    const Eigen::Index rows = M.rows(), columns = M.cols(); // by k and by l
    const double rho = (plus - minus) / 4, s = std::sqrt(minus * plus) / 2;
    const double density = 1 / std::sqrt(2 * std::numbers::pi);
    Eigen::VectorXd edge(std::max(rows, columns)); // E[s^l Z^l; Z > 0] times the density of X at 0
    double half[2] = {0.5, density}, power = 1;
    for (Eigen::Index l = 0; l < edge.size(); ++l, power *= s) {
        if (l > 1)
            half[l % 2] *= static_cast<double>(l - 1);
        edge[l] = density * half[l % 2] * power;
    }
    const auto on_axis = [&](Eigen::Index k, double before) {
        return static_cast<double>(k - 1) * before + (k == 1 ? density / 2 : 0) + rho * edge[k - 1];
    };
    M(0, 0) = 0.5 - std::atan2(std::sqrt(minus), std::sqrt(plus)) / std::numbers::pi;
    for (Eigen::Index k = 1; k < rows; ++k)
        M(k, 0) = on_axis(k, k > 1 ? M(k - 2, 0) : 0);
    for (Eigen::Index l = 1; l < columns; ++l) {
        M(0, l) = on_axis(l, l > 1 ? M(0, l - 2) : 0);
        const auto order = static_cast<double>(l);
        for (Eigen::Index k = 1; k < rows; ++k) // E[Y F] for F = X^k Y^(l-1)
            M(k, l) = (l > 1 ? (order - 1) * M(k, l - 2) : edge[k]) + rho * static_cast<double>(k) * M(k - 1, l - 1);
    }
}

HalvesKernel::Side::Side(const Halves& halves, double c, const LaplaceRule& nodes) : offset(c), rule(nodes) {
    const auto size = static_cast<Eigen::Index>(halves.powers[0].size());
    powers.resize(size, 2);
    for (Eigen::Index side = 0; side < 2; ++side)
        for (Eigen::Index k = 0; k < size; ++k)
            powers(k, side) = halves.powers[static_cast<std::size_t>(side)][static_cast<std::size_t>(k)] /
                              (k == 0 ? 1 : std::tgamma(static_cast<double>(k) / 2));
    values.setZero(6, size);
}

void HalvesKernel::Side::at(std::size_t node, double variance) {
    const double s = rule.nodes[node];
    values.setZero();
    if (s == 0) {
        values.col(0).head<2>() = powers.row(0);
        return;
    }
    const double step = std::sqrt(s * variance);
    double power = rule.widths[node] * std::exp(-s * offset);
    for (Eigen::Index k = 1; k < powers.rows(); ++k) {
        power *= step;
        values.col(k).head<2>() = power * powers.row(k);
        values.col(k).segment<2>(2) = static_cast<double>(k) * values.col(k).head<2>();
        values.col(k - 1).tail<2>() = values.col(k).segment<2>(2);
    }
}

HalvesKernel::HalvesKernel(const Halves& left, double left_offset, const LaplaceRule& left_rule, const Halves& right,
                           double right_offset, const LaplaceRule& right_rule)
    : left_(left, left_offset, left_rule), right_(right, right_offset, right_rule),
      same_(left_.powers.rows(), right_.powers.rows()), opposite_(same_) {}

// By Euler A dK/dA + c/2 dK/dc is half of K with every power counted k times; dK/dc is E[f' g'].
Moments HalvesKernel::operator()(std::size_t i, std::size_t j, const Eigen::VectorXd& x, const Eigen::VectorXd& y,
                                 bool slopes) {
    const double a = x.norm(), b = y.norm(), c = x.dot(y);
    left_.at(i, a * a);
    right_.at(j, b * b);
    const double minus = a > 0 && b > 0 ? (x / a - y / b).squaredNorm() : 2,
                 plus = a > 0 && b > 0 ? (x / a + y / b).squaredNorm() : 2;
    quadrant_moments(minus, plus, same_);
    quadrant_moments(plus, minus, opposite_);
    const auto& g = right_.values;
    Moments K;
    if (!slopes) {
        const Eigen::Matrix2Xd same = left_.values.topRows<2>().lazyProduct(same_);
        const Eigen::Matrix2Xd opposite = left_.values.topRows<2>().lazyProduct(opposite_);
        K.value = (g.topRows<2>().array() * (same + opposite.colwise().reverse()).array()).sum();
        return K;
    }
    const Eigen::Matrix<double, 6, Eigen::Dynamic> same = left_.values.lazyProduct(same_);
    const Eigen::Matrix<double, 6, Eigen::Dynamic> opposite = left_.values.lazyProduct(opposite_);
    const auto both = [&](Eigen::Index f, double sign) -> Eigen::Matrix2Xd {
        return same.middleRows<2>(f) + sign * opposite.middleRows<2>(f).colwise().reverse();
    };
    const Eigen::Matrix2Xd f = both(0, 1);
    K.value = (g.topRows<2>().array() * f.array()).sum();
    if (a > 0 && b > 0)
        K.by_c = (g.bottomRows<2>().array() * both(4, -1).array()).sum() / (a * b);
    if (a > 0)
        K.by_A = ((g.topRows<2>().array() * both(2, 1).array()).sum() - c * K.by_c) / (2 * a * a);
    if (b > 0)
        K.by_B = ((g.middleRows<2>(2).array() * f.array()).sum() - c * K.by_c) / (2 * b * b);
    return K;
}

} // namespace tpc::joint
