#include "compiler/emit/prelude_texts.hpp"

namespace tpc::emit {

const char* const quadrature_text =
    R"(// Both functions have kinks. Away from |rho| = 1 their series converge; near it b = m_b + s_b (rho z + sqrt(1 - rho^2) y) with
// a = m_a + s_a z, and E[(f(a) -+ g(b))^2] and E[f'(a) g'(b)] are integrated over y, then over z, on panels that end at kinks.
struct Gaussian {
    double mean, deviation;
};
inline Gaussian gaussian(double norm, double mean) { return {mean, std::sqrt(std::max(norm * norm - mean * mean, 0.0))}; }

template <class F, class D> struct Kinked {
    const F& value;
    const D& slope;
    const std::vector<double>& kinks;
    const Series<1>& series;
    Gaussian law;
};

template <class F, class D, class G, class E>
std::array<double, 3> integrals(const Kinked<F, D>& f, const Kinked<G, E>& g, double rho, double apart, std::size_t fineness) {
    constexpr double extent = 13, over_root = 0.3989422804014327;
    const auto density = [&](double z) { return over_root * std::exp(-z * z / 2); };
    std::vector<double> edges;
    const auto edge = [&](std::vector<double>& list, double z) {
        if (std::abs(z) < extent)
            list.push_back(z);
    };
    for (const double kink : f.kinks)
        edge(edges, (kink - f.law.mean) / f.law.deviation);
    for (const double kink : g.kinks) // of which b comes near within a few conditional deviations
        for (const double layer : {-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0})
            edge(edges, ((kink - g.law.mean) / g.law.deviation + layer * apart) / rho);
    std::array<double, 3> sums{};
    const Nodes outer = nodes_on(extent, edges, false, fineness, 4);
    const double deviation = g.law.deviation * apart;
    Nodes inner;
    const Nodes smooth = deviation > 0 ? nodes_on(extent, {}, false, fineness, 4) : Nodes{{0}, {1 / density(0)}};
    for (std::size_t j = 0; j < outer.z.size(); ++j) {
        const double z = outer.z[j], a = f.law.mean + f.law.deviation * z, centre = g.law.mean + g.law.deviation * rho * z;
        const double value = f.value(a) / f.series.norm[0], weight = outer.weight[j] * density(z), slope = f.slope(a);
        std::vector<double> inside;
        for (const double kink : g.kinks)
            if (deviation > 0)
                edge(inside, (kink - centre) / deviation);
        const bool kinked = !inside.empty();
        if (kinked)
            inner = nodes_on(extent, inside, false, fineness, 4);
        const Nodes& nodes = kinked ? inner : smooth;
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
Dual kinked_pair(const Kinked<F, D>& f, const Kinked<G, E>& g, const Correlation& correlation) {
    const double terms = double(std::min(f.series.value.size(), g.series.value.size()));
    if (!f.series.kinked || !g.series.kinked || std::pow(1 - correlation.gap, terms) < 1e-13) {
        Row<1> minus, plus, slope;
        mehler<1>(f.series, g.series, {correlation}, minus, plus, slope);
        return {minus[0], plus[0], slope[0]};
    }
    const double rho = correlation.sign * (1 - correlation.gap), apart = std::sqrt(correlation.gap * (2 - correlation.gap));
    std::array<double, 3> coarse = integrals(f, g, rho, apart, 1);
    for (std::size_t fineness = 2; fineness <= 16; fineness *= 2) {
        const std::array<double, 3> fine = integrals(f, g, rho, apart, fineness);
        bool agree = true;
        for (std::size_t k = 0; k < 3; ++k)
            agree = agree && std::abs(fine[k] - coarse[k]) <= 1e-11 * std::abs(fine[k]) + (k == 2 ? 1e-13 : 1e-26);
        if (agree)
            return {fine[0], fine[1], fine[2]};
        coarse = fine;
    }
    throw std::domain_error("an expectation of two functions with kinks cannot be computed to 1e-11");
}
)";

} // namespace tpc::emit
