// Adaptive integration of several functions at once over panels that end where they are not smooth.
#pragma once

#include <boost/math/quadrature/gauss.hpp>
#include <boost/math/quadrature/gauss_kronrod.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace tpc::gaussian {

// By component: the integral, a bound of its error (|Kronrod 21 - Gauss 10|, far above the true one of smooth functions),
// the integral of the absolute value.
template <std::size_t C> struct Integral {
    std::array<double, C> value{}, error{}, magnitude{};
    bool converged = false;
    bool diverges = false;     // where it did not converge: to infinity, at a singularity that panels close in on
    std::vector<double> edges; // of the panels at the end, rising
};

// Component c is wanted to relative[c] * magnitude + absolute[c] + root[c] * sqrt(magnitude): the last is the rounding of
// squares of differences.
template <std::size_t C> struct Accuracy { std::array<double, C> relative{}, absolute{}, root{}; };

struct KronrodNodes {
    static constexpr std::size_t count = 21;
    std::array<double, count> nodes{}, kronrod{}, gauss{}; // on -1..1; weights, 0 at nodes that Gauss's rule lacks
    static const KronrodNodes& instance() {
        static const KronrodNodes rule = [] {
            using K = boost::math::quadrature::gauss_kronrod<double, count>;
            using G = boost::math::quadrature::gauss<double, 10>;
            KronrodNodes result;
            constexpr std::size_t middle = count / 2;
            for (std::size_t i = 0; i <= middle; ++i)
                for (const std::size_t place : {middle - i, middle + i}) {
                    result.nodes[place] = place < middle ? -K::abscissa()[i] : K::abscissa()[i];
                    result.kronrod[place] = K::weights()[i];
                    result.gauss[place] = i % 2 == 1 ? G::weights()[i / 2] : 0;
                }
            return result;
        }();
        return rule;
    }
};

// Over panels of widths w, 2w, 4w, ... away from a singularity the integral of |x|^-a grows as w^(1 - a): whether it does
// not.
template <class Panel> bool closes_in(const std::vector<Panel>& panels) {
    constexpr std::ptrdiff_t away = 16; // from the narrowest panel, whose points differ in their last bits only
    const auto narrowest = std::ranges::min_element(panels, {}, [](const Panel& panel) { return panel.high - panel.low; });
    for (const std::ptrdiff_t step : {-away, away}) {
        const std::ptrdiff_t place = narrowest - panels.begin() + step, next = place + (step < 0 ? -1 : 1);
        if (next < 0 || next >= std::ssize(panels))
            continue;
        const Panel& near = panels[place];
        const Panel& far = panels[next];
        const bool doubles = std::abs((far.high - far.low) / (near.high - near.low) - 2) < 0.01;
        for (std::size_t c = 0; c < near.magnitude.size(); ++c)
            if (doubles && far.magnitude[c] > 0 && near.magnitude[c] >= 0.999 * far.magnitude[c])
                return true;
    }
    return false;
}

// `edges` rising. integrand(const double* nodes, std::array<std::array<double, 21>, C>& values) fills all 21 nodes of a
// panel. Panels are halved until the errors meet the accuracy; not finite values end it at once.
template <std::size_t C, class Integrand>
Integral<C> integrate(const std::vector<double>& edges, const Integrand& integrand, const Accuracy<C>& accuracy,
                      std::size_t most_panels = 4000) {
    struct Panel {
        double low = 0, high = 0;
        std::array<double, C> value{}, error{}, magnitude{};
    };
    const KronrodNodes& rule = KronrodNodes::instance();
    const auto measure = [&](double low, double high) {
        Panel panel{low, high};
        std::array<double, KronrodNodes::count> nodes;
        std::array<std::array<double, KronrodNodes::count>, C> values;
        const double half = (high - low) / 2;
        const double centre = low + half;
        for (std::size_t k = 0; k < nodes.size(); ++k)
            nodes[k] = centre + half * rule.nodes[k];
        integrand(nodes.data(), values);
        for (std::size_t c = 0; c < C; ++c) {
            double gauss = 0;
            for (std::size_t k = 0; k < nodes.size(); ++k) {
                panel.value[c] += half * rule.kronrod[k] * values[c][k];
                panel.magnitude[c] += half * rule.kronrod[k] * std::abs(values[c][k]);
                gauss += half * rule.gauss[k] * values[c][k];
            }
            panel.error[c] = std::abs(panel.value[c] - gauss);
        }
        return panel;
    };
    std::vector<Panel> panels;
    for (std::size_t i = 0; i + 1 < edges.size(); ++i)
        if (edges[i + 1] > edges[i])
            panels.push_back(measure(edges[i], edges[i + 1]));
    Integral<C> result;
    for (;;) {
        result.value = result.error = result.magnitude = {};
        for (const Panel& panel : panels)
            for (std::size_t c = 0; c < C; ++c) {
                result.value[c] += panel.value[c];
                result.error[c] += panel.error[c];
                result.magnitude[c] += panel.magnitude[c];
            }
        std::array<double, C> allowed;
        bool good = true;
        bool finite = true;
        for (std::size_t c = 0; c < C; ++c) {
            allowed[c] = accuracy.relative[c] * result.magnitude[c] + accuracy.absolute[c] +
                         accuracy.root[c] * std::sqrt(result.magnitude[c]);
            finite = finite && std::isfinite(result.magnitude[c]);
            good = good && result.error[c] <= allowed[c];
        }
        if (good || !finite || panels.size() >= most_panels) {
            result.converged = good && finite;
            break;
        }
        std::vector<Panel> finer;
        finer.reserve(2 * panels.size());
        bool halved = false;
        for (const Panel& panel : panels) {
            const double middle = panel.low + (panel.high - panel.low) / 2;
            bool large = false;
            for (std::size_t c = 0; c < C; ++c)
                large = large || (result.error[c] > allowed[c] &&
                                  panel.error[c] * static_cast<double>(2 * panels.size()) > allowed[c]);
            if (!large || middle <= panel.low || middle >= panel.high) {
                finer.push_back(panel);
                continue;
            }
            halved = true;
            finer.push_back(measure(panel.low, middle));
            finer.push_back(measure(middle, panel.high));
        }
        if (!halved)
            break;
        panels = std::move(finer);
    }
    result.diverges = !result.converged && closes_in(panels);
    result.edges.reserve(panels.size() + 1);
    for (const Panel& panel : panels)
        result.edges.push_back(panel.low);
    if (!panels.empty())
        result.edges.push_back(panels.back().high);
    return result;
}

} // namespace tpc::gaussian
