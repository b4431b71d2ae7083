#include "runtime/gaussian/coefficient_table.hpp"

#include <cmath>
#include <numbers>

namespace tpc::gaussian {
namespace {

constexpr double table_accuracy = 3e-14;

// x in [-1, 1] stands for the deviation sqrt(variance), between those of 2^e and 2^(e+1).
double variance_at(int exponent, double x) {
    const double low = std::sqrt(std::ldexp(1.0, exponent));
    const double deviation = low * (1 + (std::numbers::sqrt2 - 1) * (x + 1) / 2);
    return deviation * deviation;
}
double place_of(int exponent, double variance) {
    const double low = std::sqrt(std::ldexp(1.0, exponent));
    return 2 * (std::sqrt(variance) / low - 1) / (std::numbers::sqrt2 - 1) - 1;
}

Eigen::VectorXd chebyshev(double x, Eigen::Index count) {
    Eigen::VectorXd t(count);
    for (Eigen::Index k = 0; k < count; ++k)
        t(k) = k == 0 ? 1 : k == 1 ? x : 2 * x * t(k - 1) - t(k - 2);
    return t;
}

bool close(const HermiteCoefficients& a, const HermiteCoefficients& b) {
    const auto near = [](const Eigen::VectorXd& x, const Eigen::VectorXd& y, double norm, double other) {
        return (x - y).cwiseAbs().maxCoeff() <= table_accuracy * std::sqrt(norm) &&
               std::abs(norm - other) <= 2 * table_accuracy * norm;
    };
    return near(a.values, b.values, b.value_norm, a.value_norm) && near(a.slopes, b.slopes, b.slope_norm, a.slope_norm);
}

} // namespace

HermiteCoefficients CoefficientTable::Octave::at(double x) const {
    const Eigen::VectorXd t = chebyshev(x, values.cols());
    return {values * t, slopes * t, norms[0].dot(t), norms[1].dot(t)};
}

std::shared_ptr<const CoefficientTable::Octave> CoefficientTable::interpolant(int exponent, Eigen::Index nodes) const {
    auto result = std::make_shared<Octave>();
    for (Eigen::Index j = 0; j < nodes; ++j) {
        const double angle = std::numbers::pi * (static_cast<double>(j) + 0.5) / static_cast<double>(nodes);
        const HermiteCoefficients there = exact_(variance_at(exponent, std::cos(angle)));
        if (j == 0) {
            result->values = result->slopes = Eigen::MatrixXd::Zero(there.values.size(), nodes);
            result->norms[0] = result->norms[1] = Eigen::VectorXd::Zero(nodes);
        }
        for (Eigen::Index k = 0; k < nodes; ++k) {
            const double weight =
                (k == 0 ? 1.0 : 2.0) / static_cast<double>(nodes) * std::cos(static_cast<double>(k) * angle);
            result->values.col(k) += weight * there.values;
            result->slopes.col(k) += weight * there.slopes;
            result->norms[0](k) += weight * there.value_norm;
            result->norms[1](k) += weight * there.slope_norm;
        }
    }
    for (const double x : {-0.995, -0.31, 0.43, 0.97})
        if (!close(result->at(x), exact_(variance_at(exponent, x))))
            return nullptr;
    return result;
}

std::shared_ptr<const CoefficientTable::Octave> CoefficientTable::octave(int exponent) const {
    const std::lock_guard lock(mutex_);
    const auto [found, fresh] = octaves_.try_emplace(exponent);
    for (Eigen::Index nodes = 16; fresh && !found->second && nodes <= 32; nodes += 8)
        found->second = interpolant(exponent, nodes);
    return found->second;
}

HermiteCoefficients CoefficientTable::operator()(double variance) const {
    const int exponent = std::ilogb(variance);
    const auto table = octave(exponent);
    return table ? table->at(place_of(exponent, variance)) : exact_(variance);
}

} // namespace tpc::gaussian
