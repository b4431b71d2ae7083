#include "runtime/gaussian/line.hpp"

#include <algorithm>
#include <limits>
#include <numbers>

namespace tpc::gaussian {

namespace {

// The larger of phi^2 and phi'^2 times the density, logarithmic.
std::vector<double> magnitudes(const Univariate& phi, double variance, double mean, const std::vector<double>& z) {
    const double deviation = std::sqrt(variance);
    std::vector<double> x(z.size()), value(z.size()), slope(z.size());
    for (std::size_t i = 0; i < z.size(); ++i)
        x[i] = mean + deviation * z[i];
    (*phi.value)(x.size(), x.data(), value.data());
    for (std::size_t i = 0; i < x.size(); ++i)
        if (!std::isfinite(value[i])) { // at a singularity, not beyond what numbers hold
            x[i] += 1e-3 * deviation;
            value[i] = (*phi.value)(x[i]);
        }
    (*phi.slope)(x.size(), x.data(), slope.data());
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double size = std::max(std::abs(value[i]), std::isfinite(slope[i]) ? std::abs(slope[i]) : 0);
        value[i] = 2 * std::log(size + 1e-300) - z[i] * z[i] / 2;
    }
    return value;
}

// Whether the integral of |f|^power is infinite at one of these places: times the distance t it does not fall as t does.
bool diverges(const Tape& f, int power, const std::vector<double>& places, double deviation) {
    constexpr double constant = 0.9995; // of what is |t|^-1; rounding is far below at these distances
    const auto beside = [&](double place, double side) {
        double before = 0;
        for (const int halvings : {16, 20, 24, 28}) {
            const double x = place + side * std::ldexp(deviation, -halvings);
            const double area = std::pow(std::abs(f(x)), power) * std::abs(x - place);
            if (!std::isfinite(area) || area == 0 || area < constant * before)
                return false;
            before = area;
        }
        return true;
    };
    return std::ranges::any_of(places, [&](double place) { return beside(place, -1) || beside(place, 1); });
}

// An integral of C powers that did not converge: infinite or unknown.
template <std::size_t C> double missing(const Integral<C>& integral) {
    return integral.diverges ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
}

} // namespace

double extent_of(const Univariate& phi, double variance, double mean) {
    constexpr std::size_t steps = 4, far = 40;
    constexpr std::size_t middle = far * steps;
    std::vector<double> z(2 * middle + 1);
    for (std::size_t i = 0; i < z.size(); ++i)
        z[i] = (static_cast<double>(i) - static_cast<double>(middle)) / steps;
    const std::vector<double> sizes = magnitudes(phi, variance, mean, z);
    std::vector<double> outside(middle + 1, -std::numeric_limits<double>::infinity()); // from a distance on
    for (std::size_t k = middle + 1; k-- > 0;)
        outside[k] = std::max({k < middle ? outside[k + 1] : outside[k], sizes[middle + k], sizes[middle - k]});
    const double peak = outside[0];
    if (!std::isfinite(peak))
        return 0;
    constexpr double nothing = -700; // what is smaller vanishes in double precision
    for (std::size_t extent = 13; extent <= 38; ++extent)
        if (outside[extent * steps] < std::max(peak - 74, nothing)) // e^-37 in amplitude
            return static_cast<double>(extent);
    return 0;
}

bool outgrows(const Univariate& phi, double variance, double mean) {
    for (const double side : {-1.0, 1.0}) {
        const std::vector<double> sizes = magnitudes(phi, variance, mean, {30 * side, 40 * side});
        if (sizes[1] == std::numeric_limits<double>::infinity() || sizes[1] > sizes[0])
            return true;
    }
    return false;
}

std::vector<double> panel_edges(const Kinks& kinks, double variance, double mean, double extent) {
    std::vector<double> edges{-extent, extent};
    for (const double z : {-9.0, -6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 9.0})
        if (std::abs(z) < extent)
            edges.push_back(z);
    const double deviation = std::sqrt(variance);
    for (const Bend& bend : kinks.bends)
        if (bend.width < deviation)
            grade({(bend.at - mean) / deviation, bend.width / deviation}, extent, edges);
    for (const double kink : kinks.sharp)
        if (const double z = (kink - mean) / deviation; std::abs(z) < extent)
            edges.push_back(z);
    std::sort(edges.begin(), edges.end());
    return edges;
}

LineMoments line_moments(const Univariate& phi, const Kinks& kinks, double variance, double mean, double tolerance) {
    LineMoments result;
    if (variance <= 0) {
        result.value = (*phi.value)(mean);
        result.slope = (*phi.slope)(mean);
        result.square = result.value * result.value;
        result.slope_square = result.slope * result.slope;
        result.converged = std::isfinite(result.value);
        return result;
    }
    const double extent = extent_of(phi, variance, mean);
    if (extent == 0) {
        result.square = outgrows(phi, variance, mean) ? std::numeric_limits<double>::infinity()
                                                      : std::numeric_limits<double>::quiet_NaN();
        return result;
    }
    const double deviation = std::sqrt(variance);
    if (diverges(*phi.value, 2, kinks.sharp, deviation)) {
        result.square = std::numeric_limits<double>::infinity();
        return result;
    }
    using Rows = std::array<std::array<double, KronrodNodes::count>, 2>;
    const auto both = [&](const Tape& f) {
        return [&, deviation](const double* z, Rows& rows) {
            std::array<double, KronrodNodes::count> x;
            for (std::size_t k = 0; k < x.size(); ++k)
                x[k] = mean + deviation * z[k];
            f(x.size(), x.data(), rows[0].data());
            for (std::size_t k = 0; k < x.size(); ++k) {
                const double density = std::exp(-z[k] * z[k] / 2) / std::sqrt(2 * std::numbers::pi);
                const double y = rows[0][k];
                rows[0][k] = y * density;
                rows[1][k] = y * y * density;
            }
        };
    };
    const Accuracy<2> accuracy{{tolerance, tolerance}, {1e-300, 1e-300}, {}};
    const auto value = integrate<2>(panel_edges(kinks, variance, mean, extent), both(*phi.value), accuracy);
    result.converged = value.converged;
    result.value = value.value[0];
    result.square = value.converged ? value.value[1] : missing(value);
    result.edges = value.edges;
    const bool infinite = diverges(*phi.slope, 2, kinks.sharp, deviation);
    if (infinite)
        result.slope_square = std::numeric_limits<double>::infinity();
    if (infinite && diverges(*phi.slope, 1, kinks.sharp, deviation)) {
        result.slope = std::numeric_limits<double>::quiet_NaN();
        return result;
    }
    Accuracy<2> slope_accuracy = accuracy;
    if (infinite)
        slope_accuracy.absolute[1] = std::numeric_limits<double>::infinity();
    const auto slope = integrate<2>(value.edges, both(*phi.slope), slope_accuracy);
    const bool mean_found = slope.converged || slope.error[0] <= tolerance * slope.magnitude[0];
    result.slope = mean_found ? slope.value[0] : missing(slope);
    if (!infinite)
        result.slope_square = slope.converged ? slope.value[1] : missing(slope);
    result.edges = slope.edges;
    return result;
}

} // namespace tpc::gaussian
