#include "runtime/gaussian/nested.hpp"

#include "runtime/gaussian/gauss_hermite.hpp"
#include "runtime/gaussian/line.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numbers>

namespace tpc::gaussian {
namespace {

double density(double z) {
    return std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
}

enum Component : std::size_t { down, up, slope, components };

// E over y of (phi - psi / k)^2, (phi + psi / k)^2 and psi' for given values of k phi, here `phi`.
class Inner {
  public:
    Inner(const KinkedFunction& psi, const PairLaw& law, double tolerance)
        : psi_(psi), law_(law), tolerance_(tolerance), extent_(law.extent > 13 ? law.extent : 9.75),
          coarse_(hermite_nodes(14)), fine_(hermite_nodes(24)) {}

    std::array<double, components> error{}; // of the last one, where panels did not get there

    std::array<double, components> operator()(double z, double phi) {
        error = {};
        const double centre = law_.mean_b + law_.root_b * law_.rho * z;
        const double deviation = law_.root_b * law_.apart;
        if (deviation == 0) {
            const double value = law_.scale_b * (*psi_.phi->value)(centre);
            return {(phi - value) * (phi - value), (phi + value) * (phi + value),
                    law_.slopes ? (*psi_.phi->slope)(centre) : 0};
        }
        std::vector<double> edges;
        const double reach = extent_ * deviation;
        const std::vector<double>& sharp = psi_.kinks.sharp;
        for (auto kink = std::lower_bound(sharp.begin(), sharp.end(), centre - reach);
             kink != sharp.end() && *kink < centre + reach; ++kink)
            edges.push_back((*kink - centre) / deviation);
        for (const Bend& bend : psi_.kinks.bends)
            if (bend.width < deviation && std::abs(bend.at - centre) < reach)
                grade({(bend.at - centre) / deviation, bend.width / deviation}, extent_, edges);
        if (edges.empty())
            if (const auto smooth = by_hermite(centre, deviation, phi))
                return *smooth;
        return by_panels(std::move(edges), centre, deviation, phi);
    }

  private:
    const KinkedFunction& psi_;
    const PairLaw& law_;
    double tolerance_, extent_;
    const HermiteNodes& coarse_;
    const HermiteNodes& fine_;

    void slopes_of(std::size_t count, const double* x, double* result) const {
        if (law_.slopes)
            (*psi_.phi->slope)(count, x, result);
        else
            std::fill_n(result, count, 0.0);
    }

    std::optional<std::array<double, components>> by_hermite(double centre, double deviation, double phi) const {
        constexpr std::size_t most = 14 + 24;
        std::array<double, most> x, value, slopes;
        std::size_t count = 0;
        for (const HermiteNodes* rule : {&coarse_, &fine_})
            for (const double y : rule->nodes)
                x[count++] = centre + deviation * y;
        (*psi_.phi->value)(count, x.data(), value.data());
        slopes_of(count, x.data(), slopes.data());
        std::array<std::array<double, components>, 2> sums{};
        std::array<double, components> magnitude{};
        std::size_t at = 0;
        for (std::size_t r = 0; r < 2; ++r) {
            const HermiteNodes& rule = r == 0 ? coarse_ : fine_;
            for (std::size_t k = 0; k < rule.nodes.size(); ++k, ++at) {
                const double w = rule.weights[k];
                const double less = phi - law_.scale_b * value[at];
                const double more = phi + law_.scale_b * value[at];
                sums[r][down] += w * less * less;
                sums[r][up] += w * more * more;
                sums[r][slope] += w * slopes[at];
                if (r == 1)
                    magnitude[slope] += w * std::abs(slopes[at]);
            }
        }
        magnitude[down] = sums[1][down];
        magnitude[up] = sums[1][up];
        const Accuracy<components> accuracy = wanted(phi);
        for (std::size_t c = 0; c < components; ++c)
            if (!(std::abs(sums[1][c] - sums[0][c]) <=
                  tolerance_ * magnitude[c] + accuracy.absolute[c] + accuracy.root[c] * std::sqrt(magnitude[c])))
                return std::nullopt;
        return sums[1];
    }

    // With the rounding of phi and psi in their difference.
    [[nodiscard]] Accuracy<components> wanted(double phi) const {
        const double noise = noisy * std::abs(phi) + law_.noise;
        const double least = law_.floor + noise * noise;
        return {{tolerance_, tolerance_, tolerance_}, {least, least, law_.slope_floor}, {noise, noise, 0}};
    }

    std::array<double, components> by_panels(std::vector<double> edges, double centre, double deviation, double phi) {
        for (const double y : {-extent_, -5.0, -2.5, 0.0, 2.5, 5.0, extent_})
            edges.push_back(y);
        std::sort(edges.begin(), edges.end());
        const auto integrand = [&](const double* y, auto& rows) {
            std::array<double, KronrodNodes::count> x, value;
            for (std::size_t k = 0; k < x.size(); ++k)
                x[k] = centre + deviation * y[k];
            (*psi_.phi->value)(x.size(), x.data(), value.data());
            slopes_of(x.size(), x.data(), rows[slope].data());
            for (std::size_t k = 0; k < x.size(); ++k) {
                const double w = density(y[k]);
                const double less = phi - law_.scale_b * value[k], more = phi + law_.scale_b * value[k];
                rows[down][k] = less * less * w;
                rows[up][k] = more * more * w;
                rows[slope][k] *= w;
            }
        };
        const auto sum = integrate<components>(edges, integrand, wanted(phi));
        if (!sum.converged)
            error = sum.error;
        return sum.value;
    }
};

} // namespace

NestedResult integrate_nested(const KinkedFunction& phi, const KinkedFunction& psi, const PairLaw& law, double tolerance) {
    std::vector<double> edges = panel_edges(phi.kinks, law.root_a * law.root_a, law.mean_a, law.extent);
    // Smoothed kinks of psi: a layer of a few conditional deviations.
    if (law.rho != 0) {
        for (const Bend& bend : psi.kinks.bends) {
            const double width = std::max(bend.width / law.root_b, law.apart) / std::abs(law.rho);
            if (width < 1)
                grade({(bend.at - law.mean_b) / (law.root_b * law.rho), width}, law.extent, edges);
        }
        for (const double kink : psi.kinks.sharp)
            for (const double layer : {-8.5, -2.0, 0.0, 2.0, 8.5}) {
                const double z = ((kink - law.mean_b) / law.root_b + layer * law.apart) / law.rho;
                if (std::abs(z) < law.extent)
                    edges.push_back(z);
            }
    }
    std::sort(edges.begin(), edges.end());
    Inner inner(psi, law, tolerance / 10);
    const auto integrand = [&](const double* z, auto& rows) {
        std::array<double, KronrodNodes::count> x, value, slopes;
        for (std::size_t k = 0; k < x.size(); ++k)
            x[k] = law.mean_a + law.root_a * z[k];
        (*phi.phi->value)(x.size(), x.data(), value.data());
        (*phi.phi->slope)(x.size(), x.data(), slopes.data());
        for (std::size_t k = 0; k < x.size(); ++k) {
            const double w = density(z[k]);
            const auto given = inner(z[k], law.scale_a * value[k]);
            rows[down][k] = w * given[down];
            rows[up][k] = w * given[up];
            rows[slope][k] = law.slopes ? w * slopes[k] * given[slope] : 0;
            for (std::size_t c = 0; c < components; ++c)
                rows[components + c][k] = w * inner.error[c] * (c == slope && law.slopes ? std::abs(slopes[k]) : 1);
        }
    };
    Accuracy<2 * components> accuracy; // what the inner ones miss is added up and not refined
    accuracy.absolute.fill(std::numeric_limits<double>::infinity());
    const std::array<double, components> root{law.noise, law.noise, 0};
    for (std::size_t c = 0; c < components; ++c) {
        accuracy.relative[c] = tolerance;
        accuracy.absolute[c] = 1e-300;
        accuracy.root[c] = root[c];
    }
    const auto sum = integrate<2 * components>(edges, integrand, accuracy, 1000);
    NestedResult outcome{sum.value[down], sum.value[up], sum.value[slope], sum.converged};
    for (std::size_t c = 0; c < components; ++c) {
        const double magnitude = sum.magnitude[c];
        outcome.converged = outcome.converged &&
                            sum.value[components + c] <= tolerance * magnitude + 1e-300 + root[c] * std::sqrt(magnitude);
    }
    return outcome;
}

} // namespace tpc::gaussian
