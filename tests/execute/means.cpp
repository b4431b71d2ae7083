// Gaussians with means that are large beside the deviations from them.
#include "tests/execute/pipeline.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace tpc;
using tests::Set;

namespace {

const std::string head = "program p(m = 1, s = 0.5)\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nmatrix V ~ N(0, 1/d)\n"
                         "matrix W ~ N(0, 1/n)\nvector b ~ N(m, s)\nvector v ~ N(0, 1)\nh = U @ xi + b\n";

execute::Outcome at(const std::string& text, const Set& set, const std::string& mean, bool single,
                    execute::Via via = execute::Via::T) {
    tests::Settings settings;
    settings.defines = {{"m", mean}};
    settings.options.single = single;
    settings.options.via = via;
    return tests::evaluate(text, set, nullptr, settings);
}

// Of both kernels.
double deviation(const execute::Outcome& a, const execute::Outcome& b) {
    return std::max(tests::deviation(a.outputs[0].nngp, b.outputs[0].nngp),
                    tests::deviation(a.outputs[0].ntk, b.outputs[0].ntk));
}

} // namespace

TEST_CASE("a bias whose mean is subtracted is one without a mean") {
    const std::string value =
        GENERATE("sin(h - m)", "relu(h - m)", "tanh(2 * (h - m) + 1)", "erf(m - h)", "hardtanh(h - m)", "relu(h - avg(h))",
                 "relu((h - avg(h)) / sqrt(avg((h - avg(h))^2) + 0.1))", "tanh(W @ relu(h - m))", "sin(h - m) * (V @ xi)",
                 "sin((h + b) - 2 * m)", "relu(h - m) + sin(V @ xi + b - m)");
    const std::string text = head + "output v' @ (" + value + ") / sqrt(n)\n";
    Set set = tests::random_set(text, 3, {{"d", 3}}, 4);
    std::fill(set.inputs[0].begin(), set.inputs[0].begin() + 3, 0.);
    const auto expected = at(text, set, "0", false);
    REQUIRE_FALSE(expected.error);
    for (const bool single : {false, true})
        for (const auto via : {execute::Via::T, execute::Via::D})
            for (const auto* mean : {"3", "1000", "10000.3", "1e9"}) {
                CAPTURE(value, single, mean);
                const auto outcome = at(text, set, mean, single, via);
                REQUIRE_FALSE(outcome.error);
                CHECK(deviation(outcome, expected) < (single ? 2e-5 : 1e-11));
            }
}

TEST_CASE("sine of a Gaussian about 1000, in closed form") {
    // E[sin a sin b] = exp(-(A + B) / 2) (sinh c sin^2 m .. ): with means m, (e^c - e^-c cos 2m) / 2 exp(-(A + B) / 2)
    const std::string text = head + "output v' @ sin(h) / sqrt(n)\n";
    const Set set = tests::random_set(text, 2, {{"d", 3}}, 4);
    const std::vector<double>& x = set.inputs[0];
    const auto inner = [&](std::size_t i, std::size_t j) {
        return (x[3 * i] * x[3 * j] + x[3 * i + 1] * x[3 * j + 1] + x[3 * i + 2] * x[3 * j + 2]) / 3 + 0.5;
    };
    for (const bool single : {false, true}) {
        const auto outcome = at(text, set, "1000", single);
        REQUIRE_FALSE(outcome.error);
        for (std::size_t i = 0; i < 2; ++i)
            for (std::size_t j = 0; j < 2; ++j) {
                const double c = inner(i, j);
                const double expected =
                    std::exp(-(inner(i, i) + inner(j, j)) / 2) * (std::exp(c) - std::exp(-c) * std::cos(2000.)) / 2;
                CHECK(outcome.outputs[0].nngp[2 * i + j] == Approx(expected).epsilon(single ? 1e-5 : 1e-12));
            }
    }
}

TEST_CASE("what a matrix takes has its mean") {
    // W h has the variance of h, and the square of its mean
    const std::string text = head + "output v' @ relu(W @ h / m + sin(h - m)) / sqrt(n)\n";
    const std::string same = "program p(m = 1, s = 0.5)\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\n"
                             "vector b ~ N(0, s)\nvector c ~ N(0, 1)\nvector v ~ N(0, 1)\nh = U @ xi + b\n"
                             "output v' @ relu(W @ h / m + c + sin(h)) / sqrt(n)\n";
    const Set set = tests::random_set(text, 3, {{"d", 3}}, 4);
    tests::Settings settings;
    settings.options.tolerance = 1e-3;
    settings.options.ntk = false;
    for (const std::string mean : {"2", "500"}) {
        settings.defines = {{"m", mean}};
        const auto outcome = tests::evaluate(text, set, nullptr, settings),
                   other = tests::evaluate(same, set, nullptr, settings);
        REQUIRE_FALSE(outcome.error);
        REQUIRE_FALSE(other.error);
        CHECK(tests::deviation(outcome.outputs[0].nngp, other.outputs[0].nngp) < 2e-3);
    }
}

TEST_CASE("functions of several Gaussians with large means") {
    const std::string value = GENERATE("max(h - m, V @ xi)", "tanh(max(h, V @ xi + b) - m)", "max(h, V @ xi + m) - m",
                                       "sin(h - m) * relu(h - m + V @ xi)");
    const std::string text = head + "output v' @ (" + value + ") / sqrt(n)\n";
    const Set set = tests::random_set(text, 2, {{"d", 3}}, 4);
    tests::Settings settings;
    settings.options.tolerance = 1e-3;
    settings.options.ntk = false;
    settings.defines = {{"m", "0"}};
    const auto expected = tests::evaluate(text, set, nullptr, settings);
    REQUIRE_FALSE(expected.error);
    settings.defines = {{"m", "1000"}};
    settings.options.single = GENERATE(false, true);
    CAPTURE(value, settings.options.single);
    const auto outcome = tests::evaluate(text, set, nullptr, settings);
    if (outcome.error)
        CHECK((settings.options.single && outcome.error->text.find("a mean is so large") == 0));
    else
        CHECK(tests::deviation(outcome.outputs[0].nngp, expected.outputs[0].nngp) < 2e-3);
}

TEST_CASE("means that differ by index or by sample are known apart, or refused") {
    const std::string by_index =
        "program p(m = 0)\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nvector b[i in 1..T] ~ N(m * i, 1)\nvector v ~ N(0, 1)\n"
        "for t in 1..T { h[t] = U @ xi[t] + b[t] }\noutput v' @ mean(t in 1..T: ";
    const std::string by_sample =
        "program p(m = 0)\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nvector b ~ N(0, 1)\nvector v ~ N(0, 1)\n"
        "g = U @ xi[1]\nq = m * avg(g^2)\nh = g + b + q\noutput v' @ ";
    const std::string text =
        GENERATE_COPY(by_index + "sin(h[t])) / sqrt(n)\n", by_index + "sin(3.141592653589793 + h[t])) / sqrt(n)\n",
                      by_sample + "sin(h) / sqrt(n)\n", by_sample + "relu(h - q) / sqrt(n)\n");
    const Set set = tests::random_set(text, 2, {{"T", 2}, {"d", 3}}, 4);
    // whole turns of the sine, as near as numbers get
    for (const bool single : {false, true})
        for (const auto* mean : {"6.283185307179586", "628.3185307179587", "62831.85307179586", "62831853.07179586"}) {
            CAPTURE(text, single, mean);
            const auto outcome = at(text, set, mean, single);
            if (outcome.error) {
                CHECK(outcome.error->text.find("a mean is so large") == 0);
                CHECK(std::stod(mean) > (single ? 500 : 1e5));
                continue;
            }
            if (text.find("avg") != std::string::npos && text.find("sin(h)") != std::string::npos)
                continue; // no whole turns
            const auto expected = at(text, set, "0", false);
            CHECK(deviation(outcome, expected) < (single ? 2e-4 : 1e-7));
        }
    CHECK_FALSE(at(by_sample + "relu(h) / sqrt(n)\n", set, "1e6", true).error); // as good as linear there
}

TEST_CASE("a function of one element beside another element with a mean") {
    // pairs of the two are made in the order of the program, after the covariances of what the function reads
    const std::string start = "program p(m = 1)\ninput xi : R[P, d]\nmatrix U ~ N(0, 1/d)\nvector b ~ N(m, 0.2)\n"
                              "vector c ~ N(0, 0.2)\nvector v ~ N(0, 1)\nfor i in 1..P { h[i] = U @ xi[i] + ";
    const std::string value = GENERATE("relu(h[1]) + h[2]", "tanh(h[1] - mean(r in 1..P: h[r])) + h[1]");
    const std::string text = start + "b }\noutput v' @ (" + value + ") / sqrt(n)\n";
    const std::string same = start + "c + m }\noutput v' @ (" + value + ") / sqrt(n)\n";
    const Set set = tests::random_set(text, 3, {{"P", 3}, {"d", 2}}, 4);
    const auto expected = at(same, set, "0", false); // a bias without a mean is computed without deviations
    REQUIRE_FALSE(expected.error);
    CHECK(deviation(at(text, set, "0", false), expected) < 1e-13);
    const auto forward = at(text, set, "0.3", false), backward = at(text, set, "0.3", false, execute::Via::D);
    CHECK(deviation(forward, backward) < 1e-12);
    CHECK(deviation(forward, at(same, set, "0.3", false)) < 1e-12);
}
