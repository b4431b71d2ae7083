// Expectations over several Gaussians where samples, or Gaussians of one sample, are of unlike sizes.
#include "tests/execute/pipeline.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace tpc;
using tests::kernels;
using tests::Set;

namespace {

// Sample k times factors[k].
Set scaled(Set set, const std::vector<double>& factors) {
    std::vector<double>& values = set.inputs[0];
    const std::size_t size = values.size() / set.samples;
    for (std::size_t k = 0; k < values.size(); ++k)
        values[k] *= factors[k / size];
    return set;
}

} // namespace

TEST_CASE("batch norm does not know the scale of a batch, nor of the one beside it") {
    const std::string phi = GENERATE("relu", "tanh");
    const std::string text = "program p\ninput xi : R[B, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "for i in 1..B { h[i] = U @ xi[i] }\nm = mean(i in 1..B: h[i])\n"
                             "s = mean(i in 1..B: (h[i] - m)^2)\noutput v' @ " +
                             phi + "((h[1] - m) / sqrt(s)) / sqrt(n)\n";
    const Set set = tests::random_set(text, 3, {{"B", 4}, {"d", 5}}, 3);
    tests::Settings settings;
    settings.options.tolerance = 1e-3;
    const auto expected = kernels(text, set, settings);
    for (const std::vector<double>& factors : {std::vector{1., 1e-7, 1e4}, {1e-30, 1e-40, 1e20}})
        CHECK(tests::deviation(kernels(text, scaled(set, factors), settings), expected) < 1e-4);
}

TEST_CASE("a gain of a scale of its own beside small or large data") {
    const std::string text = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector g ~ N(1, 0.2)\nvector v ~ N(0, 1)\n"
                             "x = relu(g * (U @ xi))\noutput v' @ x / sqrt(n)\n";
    const Set set = tests::random_set(text, 2, {{"d", 3}}, 4);
    tests::Settings settings;
    settings.options.tolerance = 1e-2;
    const auto expected = kernels(text, set, settings);
    const double factor = GENERATE(0x1p-26, 0x1p40);
    auto small = kernels(text, scaled(set, {factor, factor}), settings);
    for (execute::Kernel& kernel : small)
        for (execute::Entries* values : {&kernel.nngp, &kernel.ntk})
            for (std::size_t k = 0; k < values->size(); ++k)
                values->set(k, (*values)[k] / (factor * factor));
    CHECK(tests::deviation(small, expected) < 1e-2);
}

TEST_CASE("products of Gaussians of unlike scales, by series and by points") {
    // x / s for the first row s times as large
    const std::string end = "matrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\ng = U @ xi[1]\nh = U @ xi[2]\n";
    const std::string text = "program p(s = 1)\ninput xi : R[T, d]\n" + end + "output v' @ (g * sin(h) / s) / sqrt(n)\n";
    const std::string sampled =
        "program p(s = 1)\ninput xi : R[T, d]\n" + end + "output v' @ (abs(g) * relu(sin(h)) / s) / sqrt(n)\n";
    for (const std::string& program : {text, sampled}) {
        const Set set = tests::random_set(text, 1, {{"T", 2}, {"d", 3}}, 5);
        const auto at = [&](double scale) {
            Set scaled = set;
            for (std::size_t k = 0; k < 3; ++k)
                scaled.inputs[0][k] *= scale;
            tests::Settings settings;
            settings.defines = {{"s", std::to_string(scale)}};
            settings.options.tolerance = 1e-3;
            return kernels(program, scaled, settings)[0].nngp;
        };
        const std::vector<double> expected = at(1);
        for (const double scale : {0.01, 0.0001, 100.0, 1e8})
            CHECK(tests::deviation(at(scale), expected) < 1e-3);
    }
}

TEST_CASE("a variance below what numbers hold is not taken for 0") {
    const std::string text = "program p(L: int = 200, s = 1)\ninput xi : R[d]\nmatrix U ~ N(0, s/d)\n"
                             "matrix W[l in 1..L] ~ N(0, s/n)\nvector v ~ N(0, 1)\nvector b ~ N(0, 0)\nx[0] = relu(U @ xi)\n"
                             "for l in 1..L { x[l] = relu(W[l] @ x[l-1] + b) }\noutput v' @ x[L] / sqrt(n)\n";
    const Set set = tests::random_set(text, 2, {{"d", 3}}, 4);
    const auto refused = [&](const std::string& layers, const std::string& scale, bool single) {
        tests::Settings settings;
        settings.defines = {{"L", layers}, {"s", scale}};
        settings.options.single = single;
        const auto outcome = tests::evaluate(text, set, nullptr, settings);
        return outcome.error && outcome.error->text.find("a variance is below") == 0;
    };
    CHECK_FALSE(refused("200", "1", false));
    CHECK(refused("200", "1", true));
    CHECK(refused("200", "0.01", false));
    CHECK(refused("2", "1e-160", false)); // from one layer to the next
    Set zero = set;
    zero.inputs[0] = std::vector<double>(6, 0.);
    CHECK_FALSE(tests::evaluate(text, zero, nullptr).error);
}

// Of vectors that are not Gaussian second moments are known, and the mean's square is subtracted from them.
TEST_CASE("means so large that variances are lost in rounding are refused") {
    const std::string head =
        "program p(m = 0)\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector b ~ N(m, 0.5)\n"
        "vector v ~ N(0, 1)\nh = U @ xi + b\nx = h - m + relu(h - m) + m\n";
    const std::string value = GENERATE("x - avg(x)", "relu(W @ (x - avg(x)))");
    const std::string text = head + "output v' @ (" + value + ") / sqrt(n)\n";
    const Set set = tests::random_set(text, 3, {{"d", 3}}, 4);
    const auto at = [&](const std::string& mean, bool single) {
        tests::Settings settings;
        settings.defines = {{"m", mean}};
        settings.options.single = single;
        return tests::evaluate(text, set, nullptr, settings);
    };
    const auto expected = at("0", false);
    REQUIRE_FALSE(expected.error);
    const bool joint = value.ends_with("sin(U @ xi)"); // which is computed in double precision
    for (const bool single : {false, true})
        for (const auto* mean : {"3", "100", "10000", "1000000"}) {
            CAPTURE(value, single, mean);
            const auto outcome = at(mean, single);
            if (outcome.error)
                CHECK(outcome.error->text.find("a mean is so large") == 0);
            else
                CHECK(tests::deviation(outcome.outputs[0].nngp, expected.outputs[0].nngp) < (single ? 2e-3 : 1e-7));
            CHECK(bool(outcome.error) == (std::stod(mean) > (single && !joint ? 10 : 1000)));
        }
}

TEST_CASE("what cancels has not underflowed") {
    const std::string text =
        "program p\ninput xi : R[P, d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v ~ N(0, 1)\n"
        "for i in 1..P { g[i] = W @ tanh(U @ xi[i]) }\n"
        "for i in 1..P { x[i] = relu(g[i] - mean(r in 1..P: g[r])) }\n"
        "output v' @ mean(i in 1..P: x[i]) / sqrt(n)\n";
    tests::Settings settings;
    settings.options.single = GENERATE(false, true);
    const auto outcome = tests::evaluate(text, tests::random_set(text, 3, {{"P", 1}, {"d", 3}}, 4), nullptr, settings);
    REQUIRE_FALSE(outcome.error);
    CHECK(outcome.outputs[0].nngp == std::vector<double>(9, 0.));
}

TEST_CASE("a layer norm of zeros has no limit, whatever stands behind it") {
    const std::string phi = GENERATE("relu", "tanh", "identity");
    const std::string text = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\nh = U @ xi\n"
                             "x = " +
                             phi + "(h / sqrt(avg(h^2)))\noutput v' @ x / sqrt(n)\n";
    Set set = tests::random_set(text, 2, {{"d", 3}}, 4);
    CHECK_FALSE(tests::evaluate(text, set, nullptr).error);
    std::fill(set.inputs[0].begin(), set.inputs[0].begin() + 3, 0.);
    const auto outcome = tests::evaluate(text, set, nullptr);
    if (phi == "identity")
        CHECK_FALSE(std::isfinite(outcome.outputs[0].nngp[0]));
    else
        CHECK((outcome.error && outcome.error->no_limit));
}

TEST_CASE("a sample with itself has no gap, in single precision behind variances of 1e12") {
    const std::string text = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "output v' @ erf(U @ xi) / sqrt(n)\n";
    const Set set = scaled(tests::random_set(text, 40, {{"d", 3}}, 4), std::vector<double>(40, 1e6));
    tests::Settings single;
    single.options.single = true;
    const auto exact = kernels(text, set), rounded = kernels(text, set, single);
    for (std::size_t i = 0; i < set.samples; ++i)
        CHECK(rounded[0].ntk[41 * i] == Approx(exact[0].ntk[41 * i]).epsilon(1e-5));
}
