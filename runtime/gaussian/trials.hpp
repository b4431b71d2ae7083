// What Mehler's series of two functions needs to know before it can be chosen: Hermite coefficients at a few laws of the
// regime, by number of terms. The methods that are tried one after the other look at the same ones.
#pragma once

#include "runtime/gaussian/coefficient_table.hpp"
#include "runtime/gaussian/methods.hpp"

#include <map>

namespace tpc::gaussian {

// A sample of the regime.
struct Place {
    double variance = 0;
    double mean = 0;
};

// Coefficients of one function at any Gaussian.
struct SeriesSide {
    std::shared_ptr<const Univariate> phi;
    std::shared_ptr<const HermiteRule> rule;       // null: kinked
    std::shared_ptr<const CoefficientTable> table; // of centred Gaussians
    [[nodiscard]] HermiteCoefficients at(std::size_t terms, double variance, double mean) const {
        return rule ? (*rule)(*phi, variance, mean) : kinked_coefficients(*phi, terms, variance, mean);
    }
    // The same with fewer terms, and a table of these.
    [[nodiscard]] SeriesSide shortened(std::size_t terms) const;
};

class SeriesTrials {
  public:
    SeriesTrials(const Sides& sides, const Regime& regime);

    struct Trial {
        std::array<SeriesSide, 2> sides;
        std::array<std::vector<HermiteCoefficients>, 2> at; // by side, by place
        std::string reason;                                 // why there are none
    };
    const Trial& operator()(std::size_t terms);
    [[nodiscard]] const Regime& regime() const { return regime_; }
    [[nodiscard]] bool same() const { return sides_.same; }

  private:
    Sides sides_;
    Regime regime_;
    std::vector<Place> places_;
    std::array<std::optional<double>, 2> extents_; // of a rule's nodes
    std::map<std::size_t, Trial> trials_;

    Trial make(std::size_t terms);
    bool resolve(std::size_t side, std::size_t terms, Trial& trial);
};

} // namespace tpc::gaussian
