#include "runtime/gaussian/trials.hpp"

#include "runtime/gaussian/line.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::gaussian {
namespace {

constexpr std::size_t most_nodes = 16384;

std::vector<Place> places_of(const Regime& regime) {
    std::vector<Place> places;
    for (double factor : {1.0, 0.1, 0.01})
        for (double side : {0.0, 1.0, -1.0})
            if (side == 0 || regime.largest_mean > 0)
                places.push_back({regime.largest_variance * factor, side * regime.largest_mean});
    return places;
}

bool agree(const HermiteCoefficients& coarse, const HermiteCoefficients& fine) {
    constexpr double accuracy = 3e-14;
    const auto near = [](const Eigen::VectorXd& x, const Eigen::VectorXd& y, double norm) {
        return (x - y).cwiseAbs().maxCoeff() <= accuracy * std::sqrt(norm) + 1e-300;
    };
    return near(coarse.values, fine.values, fine.value_norm) && near(coarse.slopes, fine.slopes, fine.slope_norm);
}

} // namespace

SeriesSide SeriesSide::shortened(std::size_t terms) const {
    SeriesSide result{phi, rule ? hermite_rule(terms, rule->nodes(), rule->extent()) : nullptr, nullptr};
    result.table = std::make_shared<CoefficientTable>(
        terms, [plain = result, terms](double variance) { return plain.at(terms, variance, 0); });
    return result;
}

SeriesTrials::SeriesTrials(const Sides& sides, const Regime& regime)
    : sides_(sides), regime_(regime), places_(places_of(regime)) {}

const SeriesTrials::Trial& SeriesTrials::operator()(std::size_t terms) {
    const auto [found, fresh] = trials_.try_emplace(terms);
    if (fresh)
        found->second = make(terms);
    return found->second;
}

SeriesTrials::Trial SeriesTrials::make(std::size_t terms) {
    Trial trial;
    trial.sides = {SeriesSide{sides_.phi, nullptr, nullptr}, SeriesSide{sides_.psi, nullptr, nullptr}};
    for (const std::size_t side : {0, 1}) {
        if (side == 1 && sides_.same) {
            trial.sides[1] = trial.sides[0];
            trial.at[1] = trial.at[0];
        } else if (trial.sides[side].phi->smooth) {
            if (!resolve(side, terms, trial))
                return trial;
        } else {
            for (const Place& place : places_)
                trial.at[side].push_back(trial.sides[side].at(terms, place.variance, place.mean));
        }
    }
    return trial;
}

// The rule that resolves a smooth function at every place.
bool SeriesTrials::resolve(std::size_t side, std::size_t terms, Trial& trial) {
    const Univariate& phi = *trial.sides[side].phi;
    if (!extents_[side]) {
        double extent = 0;
        for (const Place& place : places_) {
            const double needed = extent_of(phi, place.variance, place.mean);
            if (needed == 0) {
                trial.reason =
                    fmt::format("the function is not defined everywhere or grows too fast for a Gaussian of variance {:.3g}",
                                place.variance);
                return false;
            }
            extent = std::max(extent, needed);
        }
        extents_[side] = extent;
    }
    const double extent = *extents_[side];
    const auto at_places = [&](const HermiteRule& rule) {
        std::vector<HermiteCoefficients> result;
        for (const Place& place : places_)
            result.push_back(rule(phi, place.variance, place.mean));
        return result;
    };
    auto nodes = static_cast<std::size_t>(2 * extent * (2 * std::sqrt(static_cast<double>(terms)) + 12) / (2 * 3.14)) + 1;
    auto rule = hermite_rule(terms, nodes, extent);
    auto coarse = at_places(*rule);
    while (rule->nodes() < most_nodes) {
        auto finer = hermite_rule(terms, 2 * rule->nodes(), extent);
        auto fine = at_places(*finer);
        for (const HermiteCoefficients& c : fine)
            if (!std::isfinite(c.value_norm) || !std::isfinite(c.slope_norm)) {
                trial.reason = "the function is not defined for all real numbers";
                return false;
            }
        if (std::equal(coarse.begin(), coarse.end(), fine.begin(), agree)) {
            trial.sides[side].rule = std::move(rule);
            trial.at[side] = std::move(coarse);
            return true;
        }
        rule = std::move(finer);
        coarse = std::move(fine);
    }
    trial.reason = fmt::format("the function varies too fast (or is singular) for a Gaussian of variance {:.3g}",
                               places_.front().variance);
    return false;
}

} // namespace tpc::gaussian
