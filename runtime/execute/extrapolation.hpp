// Kernels of samples that nearly coincide, from those of samples farther away on the line through both.
//
// K(x, x + t d) is smooth in t >= 0, on one side: angles begin as t. Where C loses angles its errors go with 1/t.
#pragma once

#include "runtime/execute/near.hpp"

#include <Eigen/Core>

#include <array>
#include <optional>

namespace tpc::execute {

// y = c x + distance * direction, input by input: c is 1 or -1 where lengths are similar, else c x is the multiple of x next
// to y. A y that is c x itself has some direction or other.
struct Line {
    std::vector<std::vector<double>> origin, direction; // by input
    double distance = 0;                                // relative to the length of y
};
Line line_through(const SampleSet& left, std::size_t i, const SampleSet& right, std::size_t j);

// A polynomial through values at distances t in (0, far], weighted for errors c / t and read at another place.
class Fit {
  public:
    static constexpr std::size_t nodes = 16;
    std::array<double, nodes> distances{};

    Fit(double far, double place);

    struct Estimate {
        double value = 0, error = 0;
        double rate = 0; // c
    };
    [[nodiscard]] Estimate operator()(const std::array<double, nodes>& values) const;

  private:
    static constexpr int terms = 8;
    using Column = Eigen::Matrix<double, nodes, 1>;
    double far_;
    Column roots_, weights_; // of values times t / far: t / far, and what they weigh at the place
    Eigen::Matrix<double, nodes, nodes> rest_;
};

SampleSet points_on(const Line& line, const std::array<double, Fit::nodes>& distances);

// An entry at the end of a line, from fits in turn, of the larger distances first: two that agree as well as is asked for,
// and better than what is there already, `before`, with errors of c / distance. If that is farther away than such errors, K
// changes next to 0, which no polynomial of larger distances shows.
struct Extrapolation {
    std::optional<Fit::Estimate> last;
    std::optional<double> value;
    void add(const Fit::Estimate& next, double distance, double before, double largest);
};

} // namespace tpc::execute
