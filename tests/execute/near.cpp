// Kernels of nearly coinciding samples from those farther away, on functions that are known.
#include "runtime/execute/extrapolation.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

using namespace tpc;

namespace {

// What is made of K with errors of about c / t, at a distance where those have left `before`.
template <class K> std::optional<double> at_the_end(const K& kernel, double c, double distance, double before) {
    std::mt19937 random(5);
    std::normal_distribution<double> normal;
    execute::Extrapolation entry;
    for (const double far : {1e-2, 1e-3, 1e-4}) {
        const execute::Fit fit(far, distance);
        std::array<double, execute::Fit::nodes> values{};
        for (std::size_t k = 0; k < values.size(); ++k)
            values[k] = kernel(fit.distances[k]) + c / fit.distances[k] * normal(random);
        entry.add(fit(values), distance, before, kernel(0));
    }
    return entry.value;
}

} // namespace

TEST_CASE("a kernel that is smooth on one side is extrapolated to 1e-11") {
    const auto kernel = [](double t) { return 2 - std::asin(t / 3) + std::exp(-5 * t); };
    for (const double distance : {0.0, 1e-9, 1e-7, 1e-6}) {
        const auto value = at_the_end(kernel, 2e-17, distance, kernel(distance) + 2e-17 / std::max(distance, 1e-8));
        REQUIRE(value);
        CHECK(std::abs(*value - kernel(distance)) < 1e-11);
    }
}

TEST_CASE("a kernel that changes next to 0 is left as it is") {
    for (const double scale : {1e-3, 1e-4, 1e-5, 1e-7, 1e-9}) {
        const auto kernel = [&](double t) { return 2 - t - 0.01 * std::atan(t / scale); };
        for (const double distance : {1e-10, 1e-8, 1e-6}) {
            const auto value = at_the_end(kernel, 2e-17, distance, kernel(distance));
            INFO(scale << ' ' << distance);
            CHECK((!value || std::abs(*value - kernel(distance)) < 1e-9));
        }
    }
}

TEST_CASE("samples are near up to a factor, input by input, and not when they are equal") {
    const std::vector<double> x{0, 0, 1, 2, 3}, y{0, 0, -2, -4, -6.0001}, far{0, 0, 1, 2, 3.1}, zero{0, 0, 0, 0, 0};
    execute::SampleSet set{5, {{}, {}}};
    for (const auto& sample : {x, y, far, zero, x}) {
        set.inputs[0].values.insert(set.inputs[0].values.end(), sample.begin(), sample.end());
        set.inputs[1].values.push_back(7);
    }
    const execute::NearSamples near(set, set, 1e-3);
    CHECK(near({0, 5}, {0, 5}, true) == std::vector<execute::SamplePair>{{0, 1}, {1, 4}});
    const execute::Line line = execute::line_through(set, 0, set, 1);
    for (std::size_t n = 0; n < x.size(); ++n)
        CHECK(line.origin[0][n] + line.distance * line.direction[0][n] == Approx(y[n]).margin(1e-15));
    CHECK(line.distance < 1e-5);
}
