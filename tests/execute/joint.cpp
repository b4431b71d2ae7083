// Programs whose expectations are over several Gaussians: two ways of writing one network, T against D.
#include "tests/execute/pipeline.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace tpc;
using tests::kernels;
using tests::Set;

namespace {

const std::string head = R"(program p
input xi : R[d]
matrix U[i in 1..3] ~ N(0, 1/d)
vector b[i in 1..3] ~ N(0, 0.2)
matrix W[i in 1..2] ~ N(0, 1/n)
vector v ~ N(0, 1)
for i in 1..3 { g[i] = U[i] @ xi + b[i] }
)";

double error_of(const std::vector<execute::Kernel>& kernels) {
    return std::max(kernels[0].nngp_error, kernels[0].ntk_error);
}

} // namespace

TEST_CASE("a maximum written with relu has the same kernels") {
    // max(a, b) = b + relu(a - b): the second way needs no more than one Gaussian a side
    const std::string maximum = head + "x = max(g[1], g[2])\noutput v' @ (W[1] @ x) / sqrt(n)\n";
    const std::string kinked = head + "x = g[2] + relu(g[1] - g[2])\noutput v' @ (W[1] @ x) / sqrt(n)\n";
    const Set set = tests::random_set(maximum, 4, {{"d", 3}}, 1);
    const auto joint = kernels(maximum, set);
    CHECK(error_of(joint) <= 1e-9); // dual kernels after all
    CHECK(tests::deviation(joint, kernels(kinked, set)) < 1e-12);
}

TEST_CASE("functions of one Gaussian under several names are functions of one Gaussian") {
    const auto check = [](const std::string& names, const std::string& one) {
        const std::string end = "output v' @ (W[1] @ x) / sqrt(n)\n";
        const Set set = tests::random_set(head + one + end, 4, {{"d", 3}}, 5);
        tests::Settings settings, D;
        settings.options.tolerance = D.options.tolerance = 1e-6;
        D.options.via = execute::Via::D;
        const auto a = kernels(head + names + end, set, settings);
        CHECK(error_of(a) <= 1e-6); // no points
        CHECK(tests::deviation(a, kernels(head + one + end, set, settings)) < 1e-6);
        CHECK(tests::deviation(a, kernels(head + names + end, set, D)) < 1e-12);
    };
    check("h = 2 * g[1]\nk = h + g[1]\nx = relu(g[1]) * relu(h) * step(k)\n", "x = 2 * relu(g[1])^2\n");
    check("h = 1 - 2 * g[1]\nk = h / 2\nx = sin(h) * cos(k)\n", "x = (sin(1.5 - 3 * g[1]) + sin(0.5 - g[1])) / 2\n");
    check("k = g[1] + g[2]\nx = sin(k) * g[1] * g[2]\n",
          "x = sin(g[1]) * g[1] * g[2] * cos(g[2]) + cos(g[1]) * g[1] * g[2] * sin(g[2])\n");
    check("x = min(i in 1..4: (i - 2) * g[1] + i)\n", "x = min(min(1 - g[1], 2), min(3 + g[1], 4 + 2 * g[1]))\n");
    // a factor with a jump, which contributes nothing to slopes; derivatives are those of the other factor
    check("y = tanh(g[1]) * step(g[1])\nx = y * y + y\n", "x = tanh(relu(g[1]))^2 + tanh(relu(g[1]))\n");
}

TEST_CASE("without a tolerance what needs no points is computed as other kernels are") {
    // too sharp for short series, and none of 1e-8 is asked where points are taken
    const std::string text = "program p\ninput xi : R[d]\nmatrix U[i in 1..2] ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "for i in 1..2 { k[i] = U[i] @ xi }\n"
                             "x = sum(i in 1..2: exp(8 * k[i]) * k[i]) / sum(i in 1..2: exp(8 * k[i]))\n"
                             "output v' @ x / sqrt(n)\n";
    const Set set = tests::random_set(text, 3, {{"d", 4}}, 1);
    CHECK(error_of(kernels(text, set)) <= 1e-8);
}

TEST_CASE("vectors between Gaussians and what is read need no second moments") {
    // E[exp(20 g)^2] is beyond what numbers hold
    const auto text = [](const std::string& function) {
        return "program p\ninput xi : R[d]\nmatrix U[i in 1..2] ~ N(0, 4/d)\nvector v ~ N(0, 1)\n"
               "for i in 1..2 { g[i] = U[i] @ xi; y[i] = exp(20 * g[i]) }\nx = " +
               function + "\noutput v' @ x / sqrt(n)\n";
    };
    const Set set = tests::random_set(text("g[1]"), 3, {{"d", 4}}, 1);
    CHECK(tests::deviation(kernels(text("y[1] / (y[1] + y[2])"), set), kernels(text("sigmoid(20 * (g[1] - g[2]))"), set)) <
          2e-4);
    CHECK(tests::deviation(kernels(text("log(y[1] + y[2])"), set), kernels(text("logsumexp(i in 1..2: 20 * g[i])"), set)) <
          2e-4);
}

TEST_CASE("dropout by one mask for all samples is a larger variance of what reads it") {
    const std::string head = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 2/d)\nfrozen vector m[l in 1..2] ~ N(0, 1)\n"
                             "fn drop(x, m) = x * step(0.5 * erf(m / sqrt(2)) + 0.8 - 0.5) / 0.8\n";
    const std::string masks = head + "matrix W ~ N(0, 2/n)\nvector v ~ N(0, 1)\n"
                                     "x = drop(relu(W @ drop(relu(U @ xi), m[1])), m[2])\noutput v' @ x / sqrt(n)\n";
    const std::string larger = head + "matrix W ~ N(0, 2.5/n) rate 1.25\nvector v ~ N(0, 1.25) rate 1.25\n"
                                      "x = relu(W @ relu(U @ xi))\noutput v' @ x / sqrt(n)\n";
    const Set set = tests::random_set(larger, 4, {{"d", 3}}, 7);
    const auto dropped = kernels(masks, set);
    CHECK(error_of(dropped) <= 1e-8);
    CHECK(tests::deviation(dropped, kernels(larger, set)) < error_of(dropped));
}

TEST_CASE("gates that share their Gaussians: T and D agree, and with moments of independent factors") {
    // h = z c + (1 - z) c2 with one gate twice
    const std::string gated = head + R"(z = sigmoid(g[1])
h = z * tanh(g[2]) + (1 - z) * erf(g[3])
r = relu(W[1] @ h)
output v' @ (W[2] @ r * z) / sqrt(n)
)";
    const Set set = tests::random_set(gated, 3, {{"d", 2}}, 2);
    tests::Settings T, D;
    D.options.via = execute::Via::D;
    const auto forward = kernels(gated, set, T);
    CHECK(tests::deviation(forward, kernels(gated, set, D)) < 1e-12);
}

TEST_CASE("max pooling and nonlinearities of sums that are not Gaussian are computed to the tolerance") {
    const std::string text = R"(program pool
input xi : R[P, c]
matrix K[a in -1..1] ~ N(0, 1/c)
matrix W ~ N(0, 1/n)
vector v ~ N(0, 1)
for i in 1..P { h[i] = sum(a in -1..1: K[a] @ xi[i+a | zero]) }
for i in 1..P/2 { y[i] = max(a in 0..1: h[2*i-1+a]) }
for i in 1..P/2 { x[i] = tanh(W @ y[i] + y[i]^2) }
output v' @ mean(i in 1..P/2: x[i]) / sqrt(n)
)";
    const Set set = tests::random_set(text, 2, {{"P", 4}, {"c", 2}}, 3);
    tests::Settings coarse, fine;
    coarse.options.tolerance = 2e-2;
    fine.options.tolerance = 5e-3;
    const auto a = kernels(text, set, coarse);
    const auto b = kernels(text, set, fine);
    CHECK(error_of(b) <= 5e-3);
    CHECK(tests::deviation(a, b) < 2e-2);
}

TEST_CASE("functions of several Gaussians that do not vary are constants, beside those that do") {
    const std::string text = "program p\ninput xi : R[d]\nmatrix U[i in 1..2] ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "for i in 1..2 { g[i] = U[i] @ xi }\n";
    for (const char* x : {"max(g[1], g[2])", "tanh(g[1]) * relu(g[1] + g[2])", "exp(g[1] - max(g[1], 0)) * g[2]"}) {
        const std::string program = text + "output v' @ (" + x + ") / sqrt(n)\n";
        Set set = tests::random_set(program, 2, {{"d", 2}}, 1);
        std::fill_n(set.inputs[0].begin(), 2, 0.0); // the first sample
        const auto both = kernels(program, set);
        CAPTURE(x);
        for (const execute::Entries* entries : {&both[0].nngp, &both[0].ntk}) {
            const execute::Entries& kernel = *entries;
            CHECK(std::max({std::abs(kernel[0]), std::abs(kernel[1]), std::abs(kernel[2])}) < 1e-12);
            CHECK(kernel[3] > 0.01);
        }
    }
}

TEST_CASE("expectations of several steps from one set of points agree with those one by one") {
    // the memory of an LSTM; D differentiates each expectation by itself, T all of a loop along one direction
    const std::string text = R"(program p
input xi : R[T, d]
matrix W[k in 1..3] ~ N(0, 2/n)
matrix U[k in 1..3] ~ N(0, 1/d)
vector b ~ N(0.3, 0.2)
vector v ~ N(0, 1)
h[0] = 0
c[0] = 0
for t in 1..T {
    for k in 1..3 { g[t,k] = W[k] @ h[t-1] + U[k] @ xi[t] + b }
    c[t] = sigmoid(g[t,1]) * c[t-1] + sigmoid(g[t,2]) * tanh(g[t,3])
    h[t] = tanh(c[t])
}
output v' @ h[T] / sqrt(n)
)";
    const Set set = tests::random_set(text, 2, {{"T", 3}, {"d", 3}}, 5);
    tests::Settings T, D;
    T.options.tolerance = D.options.tolerance = 3e-3;
    D.options.via = execute::Via::D;
    const auto forward = kernels(text, set, T);
    const auto backward = kernels(text, set, D);
    CHECK(error_of(forward) > 0);
    CHECK(error_of(forward) <= 3e-3);
    CHECK(tests::deviation(forward, backward) <= error_of(forward) + error_of(backward));
}

TEST_CASE("expectations over several Gaussians that are infinite are refused") {
    const auto outcome = [](const std::string& function) {
        tests::Settings settings;
        settings.options.tolerance = 1e-2;
        const std::string text = "program p\ninput xi : R[d]\nmatrix U[i in 1..2] ~ N(0, 9 / d)\nvector v ~ N(0, 1)\n"
                                 "g = U[1] @ xi\nh = U[2] @ xi\ny = square(g)\noutput v' @ (" +
                                 function + ") / sqrt(n)\n";
        return tests::evaluate(text, tests::random_set(text, 2, {{"d", 3}}, 5), nullptr, settings);
    };
    for (const char* function : {"exp(y - avg(y))", "exp(g * h)", "exp(exp(g) - avg(g * h))"}) {
        INFO(function);
        const auto found = outcome(function);
        REQUIRE(found.error);
        CHECK(found.error->no_limit);
    }
    CHECK_FALSE(outcome("exp(0.01 * g * h)").error);
    CHECK_FALSE(outcome("step(g - tanh(h)) * h").error);
}

TEST_CASE("what outputs do not come from is left out, and nothing else") {
    // D computes all that is demanded, T what the last step comes from
    const std::string text =
        "program p\ninput xi : R[T, d]\nmatrix U[a in 1..2] ~ N(0, 1/d)\nmatrix W[a in 1..2] ~ N(0, 1/n)\nvector v ~ N(0, "
        "1)\n"
        "h[0] = 0\nfor t in 1..T {\n    z[t] = sigmoid(W[1] @ h[t-1] + U[1] @ xi[t])\n"
        "    h[t] = z[t] * h[t-1] + (1 - z[t]) * tanh(W[2] @ h[t-1] + U[2] @ xi[t])\n}\noutput v' @ h[T] / sqrt(n)\n";
    const Set longer = tests::random_set(text, 2, {{"T", 3}, {"d", 2}}, 4);
    const Set shorter = tests::random_set(text, 2, {{"T", 2}, {"d", 2}}, 5);
    tests::Settings forward, backward;
    forward.options.tolerance = backward.options.tolerance = 3e-3;
    backward.options.via = execute::Via::D;
    for (const Set* right : {&longer, &shorter}) {
        const auto T = tests::kernels(text, longer, *right, forward), D = tests::kernels(text, longer, *right, backward);
        CHECK(tests::deviation(T[0].nngp, D[0].nngp) <= T[0].nngp_error + D[0].nngp_error);
        CHECK(tests::deviation(T[0].ntk, D[0].ntk) <= T[0].ntk_error + D[0].ntk_error);
    }
}

TEST_CASE("a factor whose second moment exists at the variance of the data, and not at the next power of two") {
    const std::string text = "program p\ninput xi : R[d]\ninput eta : R[d]\nmatrix U ~ N(0, 1)\nvector v ~ N(0, 1)\n"
                             "output v' @ (exp(0.15 * square(U @ xi)) * relu(U @ eta)) / sqrt(n)\n";
    const Set set{1, {{"d", 2}}, {{std::sqrt(1.2), 0}, {0, 1}}};
    // E[exp(0.3 g^2)] E[relu(h)^2]
    CHECK(kernels(text, set)[0].nngp[0] == Approx(0.5 / std::sqrt(1 - 0.6 * 1.2)).epsilon(1e-7));
}
