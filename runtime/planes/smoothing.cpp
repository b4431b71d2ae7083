#include "runtime/planes/smoothing.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {

double Smoothing::width() const {
    return std::min(2.0, 5 * spread);
}

Smoothing smoothing(double correlation, double extent, double tolerance) {
    Smoothing result;
    if (correlation <= 0)
        return result;
    const double digits = -std::log(tolerance / 10);
    result.correlation = correlation;
    result.spread = std::sqrt(1 - correlation);
    result.spacing = std::min(result.spread * std::numbers::pi / std::sqrt(digits), 0.5);
    result.half = static_cast<Eigen::Index>(std::ceil(extent / result.spacing));
    result.cut = std::sqrt(2 * digits);
    return result;
}

void Smoothing::weights(double u, Weights& result) const {
    const double root = 1 / std::sqrt(2 * std::numbers::pi);
    if (correlation <= 0) {
        result = {0, 1, Eigen::ArrayXd::Constant(1, root * std::exp(-u * u / 2))};
        return;
    }
    // density of u given t times root of that of t = exp(-(t - m)^2 / 2 v) times a function of u, normal in t as well
    const double apart = spread * spread;
    const double precision = correlation / apart + 0.5; // 1 / v
    const double middle = std::sqrt(correlation) / apart * u / precision;
    const double reach = cut / std::sqrt(precision);
    const auto place = [&](double t) { return std::clamp(static_cast<Eigen::Index>(std::floor(t / spacing)), -half, half); };
    const Eigen::Index low = place(middle - reach), high = std::max(low, place(middle + reach));
    result.first = low + half;
    result.count = high - low + 1;
    result.values.resize(std::max(result.count, result.values.size()));
    const double scale = root / spread * std::sqrt(spacing * root);
    // The ratio of neighbours is geometric itself; from the peak on, so that nothing grows.
    const auto exponent = [&](double t) {
        const double away = u - std::sqrt(correlation) * t;
        return -away * away / (2 * apart) - t * t / 4;
    };
    const Eigen::Index peak = std::clamp(place(middle), low, high);
    const double t = static_cast<double>(peak) * spacing;
    const double at_peak = scale * std::exp(exponent(t));
    const double second = std::exp(-spacing * spacing * precision);
    for (const int side : {-1, 1}) {
        double value = at_peak;
        double ratio = std::exp(-precision * spacing * (spacing / 2 + side * (t - middle)));
        for (Eigen::Index k = peak; k >= low && k <= high; k += side) {
            result.values[k - low] = value;
            value *= ratio;
            ratio *= second;
        }
    }
}

} // namespace tpc::joint
