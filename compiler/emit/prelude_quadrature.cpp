#include "compiler/emit/prelude_texts.hpp"

namespace tpc::emit {

const char* const quadrature_text =
    R"(// Near |rho| = 1 series that are open do not do: there b = m_b + s_b (rho z + sqrt(1 - rho^2) y) with a = m_a + s_a z, and
// E[(f(a) -+ g(b))^2] and E[f'(a) g'(b)] are integrated over y, then over z, on panels that end at kinks and around bends.
struct Gaussian {
    double mean, deviation;
};
inline Gaussian gaussian(double norm, double mean) { return {mean, norm}; }

template <class F, class D> struct Side {
    const F& value;
    const D& slope;
    const std::vector<Bend>& bends;
    const Series<1>& series;
    Gaussian law;
};

template <class F, class D, class G, class E>
std::array<double, 3> integrals(const Side<F, D>& f, const Side<G, E>& g, double rho, double apart, double extent,
                                std::size_t fineness) {
    constexpr double over_root = 0.3989422804014327;
    const auto density = [&](double z) { return over_root * std::exp(-z * z / 2); };
    std::vector<double> edges;
    for (const Bend& bend : f.bends)
        if (bend.width < f.law.deviation)
            grade(edges, (bend.at - f.law.mean) / f.law.deviation, bend.width / f.law.deviation, extent);
    for (const Bend& bend : g.bends) { // b comes near within a few conditional deviations
        const double at = (bend.at - g.law.mean) / g.law.deviation / rho, width = std::max(bend.width / g.law.deviation, apart);
        if (bend.width == 0)
            for (const double layer : {-8.0, -4.0, -2.0, -1.0, 1.0, 2.0, 4.0, 8.0})
                grade(edges, at + layer * apart / rho, 0, extent);
        if (width < 1)
            grade(edges, at, bend.width == 0 ? 0 : width / std::abs(rho), extent);
    }
    std::array<double, 3> sums{};
    const Nodes outer = nodes_on(extent, edges, false, fineness, 4);
    const double deviation = g.law.deviation * apart;
    Nodes inner;
    const Nodes smooth = deviation > 0 ? nodes_on(extent, {}, false, fineness, 4) : Nodes{{0}, {1 / density(0)}};
    for (std::size_t j = 0; j < outer.z.size(); ++j) {
        const double z = outer.z[j], a = f.law.mean + f.law.deviation * z, centre = g.law.mean + g.law.deviation * rho * z;
        const double value = f.value(a) / f.series.norm[0], weight = outer.weight[j] * density(z), slope = f.slope(a);
        std::vector<double> inside;
        for (const Bend& bend : g.bends)
            if (bend.width < deviation)
                grade(inside, (bend.at - centre) / deviation, bend.width / deviation, extent);
        const bool bent = !inside.empty();
        if (bent)
            inner = nodes_on(extent, inside, false, fineness, 4);
        const Nodes& nodes = bent ? inner : smooth;
        for (std::size_t k = 0; k < nodes.z.size(); ++k) {
            const double y = nodes.z[k], b = centre + deviation * y, w = weight * nodes.weight[k] * density(y);
            const double other = g.value(b) / g.series.norm[0];
            sums[0] += w * (value - other) * (value - other);
            sums[1] += w * (value + other) * (value + other);
            sums[2] += w * slope * g.slope(b);
        }
    }
    return sums;
}

template <class F, class D, class G, class E>
Dual quadrature(const Side<F, D>& f, const Side<G, E>& g, const Correlation& correlation) {
    const double rho = correlation.sign * (1 - correlation.gap), apart = std::sqrt(correlation.gap * (2 - correlation.gap));
    const double extent = std::max(extent_of(f.value, f.slope, f.law.deviation, f.law.mean),
                                   extent_of(g.value, g.slope, g.law.deviation, g.law.mean));
    std::array<double, 3> coarse = integrals(f, g, rho, apart, extent, 1);
    for (std::size_t fineness = 2; fineness <= 16; fineness *= 2) {
        const std::array<double, 3> fine = integrals(f, g, rho, apart, extent, fineness);
        bool agree = true;
        for (std::size_t k = 0; k < 3; ++k) { // of the squares, but for the rounding of differences
            const double least = k == 2 ? 1e-13 : 1e-26 + 1e-14 * std::sqrt(fine[k]);
            agree = agree && std::abs(fine[k] - coarse[k]) <= 1e-11 * std::abs(fine[k]) + least;
        }
        if (agree)
            return {fine[0], fine[1], fine[2]};
        coarse = fine;
    }
    throw std::domain_error("an expectation of two functions of Gaussians cannot be computed to 1e-11");
}
)";

} // namespace tpc::emit
