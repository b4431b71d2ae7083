// Series of smooth functions with narrow features, on one coordinate a side: what is stated is not exceeded.
#include "runtime/joint/solve.hpp"
#include "runtime/series/spectral.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <numbers>

using namespace tpc;
using ir::Function;
using joint::Integrand;
using joint::NodeId;

namespace {

struct Sharp {
    std::string name;
    std::function<NodeId(joint::Tape&, NodeId)> write;
    std::function<double(double)> value, slope;
};

Sharp softplus(double k) { // log(1 + exp(k z)) / k
    return {"softplus " + std::to_string(k),
            [k](joint::Tape& t, NodeId z) {
                const NodeId e = t.apply(Function::exp, t.apply(Function::mul, t.number(k), z));
                const NodeId log = t.apply(Function::log, t.apply(Function::add, t.number(1), e));
                return t.apply(Function::mul, t.number(1 / k), log);
            },
            [k](double z) { return std::max(z, 0.0) + std::log1p(std::exp(-k * std::abs(z))) / k; },
            [k](double z) { return 1 / (1 + std::exp(-k * z)); }};
}

Sharp step(double k) {
    return {"tanh " + std::to_string(k),
            [k](joint::Tape& t, NodeId z) { return t.apply(Function::tanh, t.apply(Function::mul, t.number(k), z)); },
            [k](double z) { return std::tanh(k * z); }, [k](double z) { return k / std::pow(std::cosh(k * z), 2); }};
}

Sharp bump(double k, double at) {
    return {"bump " + std::to_string(k),
            [k, at](joint::Tape& t, NodeId z) {
                const NodeId square = t.apply(Function::square, t.apply(Function::sub, z, t.number(at)));
                return t.apply(Function::exp, t.apply(Function::mul, t.number(-k), square));
            },
            [k, at](double z) { return std::exp(-k * (z - at) * (z - at)); },
            [k, at](double z) { return -2 * k * (z - at) * std::exp(-k * (z - at) * (z - at)); }};
}

Sharp sum(const Sharp& a, double factor, const Sharp& b) {
    return {a.name + " + " + b.name,
            [=](joint::Tape& t, NodeId z) {
                return t.apply(Function::add, a.write(t, z), t.apply(Function::mul, t.number(factor), b.write(t, z)));
            },
            [=](double z) { return a.value(z) + factor * b.value(z); },
            [=](double z) { return a.slope(z) + factor * b.slope(z); }};
}

std::vector<Sharp> family() {
    std::vector<Sharp> result;
    for (const double k : {1.0, 3.0, 7.0, 20.0, 50.0, 90.0, 200.0})
        result.push_back(softplus(k));
    for (const double k : {2.0, 30.0, 200.0})
        result.push_back(step(k));
    for (const double at : {0.0, 0.31, 1.0})
        result.push_back(bump(1000, at));
    result.push_back(sum(softplus(2), 0.1, step(80)));
    result.push_back(sum(step(1), 0.01, bump(1000, 0.53)));
    result.push_back(sum(softplus(50), 0.3, sum(step(5), 0.1, bump(200, -0.4))));
    return result;
}

Integrand integrand_of(const Sharp& f) {
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 1;
    integrand.left = f.write(integrand.tape, integrand.tape.gaussian(0));
    integrand.right = f.write(integrand.tape, integrand.tape.gaussian(1));
    return integrand;
}

struct Reference {
    double value = 0, slope = 0, norm = 0, slope_norm = 0;
};

// The trapezoidal rule over u, and over y in w = s u + sqrt(1 - s^2) y: what is analytic converges geometrically.
Reference reference(const Sharp& f, double a, double b, double s, double step) {
    const auto weight = [&](double z) { return step * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi); };
    constexpr double extent = 8.2;
    Reference result;
    double squares[4] = {};
    for (double u = -extent; u < extent; u += step) {
        const double left = f.value(a * u), left_slope = f.slope(a * u);
        double right = 0, right_slope = 0;
        if (s == 1) {
            right = f.value(b * u);
            right_slope = f.slope(b * u);
        }
        for (double y = -extent; s < 1 && y < extent; y += step) {
            const double x = b * (s * u + std::sqrt(1 - s * s) * y);
            right += weight(y) * f.value(x);
            right_slope += weight(y) * f.slope(x);
        }
        result.value += weight(u) * left * right;
        result.slope += weight(u) * left_slope * right_slope;
        for (const auto& [place, x] : {std::pair(0, left), {1, left_slope}, {2, f.value(b * u)}, {3, f.slope(b * u)}})
            squares[place] += weight(u) * x * x;
    }
    result.norm = std::sqrt(squares[0] * squares[2]);
    result.slope_norm = std::sqrt(squares[1] * squares[3]);
    return result;
}

} // namespace

TEST_CASE("series of smooth functions with narrow features state an error that is not exceeded") {
    struct Law {
        double variance_a = 0, variance_b = 0, correlation = 0, step = 0;
    };
    std::size_t found = 0;
    for (const Sharp& f : family())
        for (const Law& law : {Law{0.133, 0.133, 1, 5e-4}, Law{1, 1, 1, 5e-4}, Law{0.0133, 0.7, 1, 5e-4},
                               Law{0.033, 0.027, 0.6, 1e-2}, Law{0.02, 0.02, 0.97, 1e-2}}) {
            Integrand integrand = integrand_of(f);
            joint::finish(integrand, true);
            const double a = std::sqrt(law.variance_a), b = std::sqrt(law.variance_b);
            const Reference wanted = reference(f, a, b, law.correlation, law.step);
            Eigen::Matrix2d covariance;
            covariance << law.variance_a, law.correlation * a * b, law.correlation * a * b, law.variance_b;
            for (const double tolerance : {1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10})
                for (const bool slopes : {false, true}) {
                    CAPTURE(f.name, law.variance_a, law.variance_b, law.correlation, tolerance, slopes);
                    const auto got = joint::spectral(integrand, Eigen::Vector2d::Zero(), covariance, {}, slopes, tolerance,
                                                     std::size_t{1} << 17);
                    if (!got)
                        continue;
                    ++found;
                    CHECK(got->error <= tolerance);
                    const double of_reference = law.correlation == 1 ? 1e-12 : 1e-9;
                    CHECK(std::abs(got->expectation.value - wanted.value) <= (got->error + of_reference) * wanted.norm);
                    if (slopes)
                        CHECK(std::abs(got->expectation.slopes(0, 0) - wanted.slope) <=
                              (got->error + of_reference) * wanted.slope_norm);
                }
        }
    CHECK(found >= 1000); // of 1120
}

TEST_CASE("a side that does not vary is a constant in the series of the other one, and beside another constant") {
    const Sharp f = softplus(3);
    Integrand integrand = integrand_of(f);
    joint::finish(integrand, true);
    for (const double variance : {0.0, 1.0}) {
        const Eigen::Matrix2d covariance = Eigen::Vector2d(variance, 0).asDiagonal();
        const auto got =
            joint::spectral(integrand, Eigen::Vector2d::Zero(), covariance, {}, true, 1e-10, std::size_t{1} << 17);
        REQUIRE(got);
        const Reference mean = reference(f, 1, 0, 0, 1e-2);
        CHECK(got->expectation.value == Approx(variance == 0 ? f.value(0) * f.value(0) : mean.value).margin(1e-12));
        CHECK(got->expectation.slopes(0, 0) == Approx(variance == 0 ? f.slope(0) * f.slope(0) : mean.slope).margin(1e-12));
    }
}
