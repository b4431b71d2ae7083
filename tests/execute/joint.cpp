// Programs whose expectations are over several Gaussians: two ways of writing one network, T against D, errors as stated.
#include "tests/execute/pipeline.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
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

namespace {

const std::string shifted_norm = R"(program p(L: int = 2)
input xi : R[B, d]
matrix U ~ N(0, 1/d)
matrix W ~ N(0, 1/n)
vector v ~ N(0, 1)
for i in 1..B { h[1,i] = U @ xi[i] }
for l in 1..L {
    m[l] = mean(i in 1..B: h[l,i])
    s[l] = mean(i in 1..B: (h[l,i] - m[l])^2)
    for i in 1..B {
        x[l,i] = relu((h[l,i] - m[l]) / sqrt(s[l] + 0.01) + 0.3)
        if l < L { h[l+1,i] = W @ x[l,i] }
    }
}
output f[i in 1..B] = v' @ x[L,i] / sqrt(n)
)";

// Batches in the opposite order.
Set reversed(const Set& set, std::size_t batch) {
    Set result = set;
    const std::size_t size = set.inputs[0].size() / (set.samples * batch);
    for (std::size_t s = 0; s < set.samples; ++s)
        for (std::size_t i = 0; i < batch; ++i)
            std::copy_n(set.inputs[0].begin() + static_cast<std::ptrdiff_t>((s * batch + i) * size), size,
                        result.inputs[0].begin() + static_cast<std::ptrdiff_t>((s * batch + batch - 1 - i) * size));
    return result;
}

} // namespace

TEST_CASE("batch norm before a kink: the order within a batch does not matter, and errors are as stated") {
    constexpr std::size_t batch = 6;
    const Set set = tests::random_set(shifted_norm, 2, {{"B", batch}, {"d", 7}}, 8);
    tests::Settings coarse, fine;
    coarse.options.tolerance = 1e-2;
    fine.options.tolerance = 1e-3;
    const auto a = kernels(shifted_norm, set, coarse);
    const auto b = kernels(shifted_norm, set, fine);
    CHECK(error_of(b) > 0);
    CHECK(error_of(b) <= 1e-3);
    CHECK(tests::deviation(a, b) <= error_of(a) + error_of(b));
    auto other = kernels(shifted_norm, reversed(set, batch), fine);
    const std::size_t row = set.samples * batch; // kernels are (sample, i, sample, i)
    for (execute::Kernel& kernel : other)
        for (execute::Entries* values : {&kernel.nngp, &kernel.ntk}) {
            const std::vector<double> before = *values;
            for (std::size_t k = 0; k < row * row; ++k) {
                const auto mirrored = [](std::size_t place) { return place / batch * batch + batch - 1 - place % batch; };
                values->set(k, before[mirrored(k / row) * row + mirrored(k % row)]);
            }
        }
    CHECK(tests::deviation(other, b) <= error_of(b) + error_of(other));
}

TEST_CASE("a batch of equal rows beside an epsilon: what is normalised is 0, beside any other batch") {
    const std::string text = "program p\ninput xi : R[B, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "for i in 1..B { h[i] = U @ xi[i] }\nm = mean(i in 1..B: h[i])\n"
                             "s = mean(i in 1..B: (h[i] - m)^2)\noutput v' @ relu((h[1] - m) / sqrt(s + 0.1)) / sqrt(n)\n";
    Set set = tests::random_set(text, 2, {{"B", 3}, {"d", 2}}, 1);
    std::fill_n(set.inputs[0].begin(), 6, 0.0); // the first batch
    const std::vector<double> nngp = kernels(text, set)[0].nngp;
    CHECK(std::max({std::abs(nngp[0]), std::abs(nngp[1]), std::abs(nngp[2])}) < 1e-12);
    CHECK(nngp[3] > 0.1);
}

TEST_CASE("a batch of equal rows without an epsilon divides zero by zero") {
    const auto text = [](const std::string& function) {
        return "program p\ninput xi : R[B, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
               "for i in 1..B { h[i] = U @ xi[i] }\nm = mean(i in 1..B: h[i])\n"
               "s = mean(i in 1..B: (h[i] - m)^2)\noutput v' @ " +
               function + "((h[1] - m) / sqrt(s)) / sqrt(n)\n";
    };
    for (const char* function : {"relu", "tanh"})
        for (const double row : {0.0, 0.7}) {
            Set set = tests::random_set(text(function), 2, {{"B", 5}, {"d", 2}}, 1);
            std::fill_n(set.inputs[0].begin(), 10, row); // the first batch
            const auto outcome = tests::evaluate(text(function), set, nullptr);
            INFO(function << ", rows of " << row);
            REQUIRE(outcome.error);
            CHECK(outcome.error->no_limit);
        }
}

TEST_CASE("in single precision batches in fewer dimensions than rows have the kernels of double precision") {
    const std::string text = "program p\ninput xi : R[B, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "for i in 1..B { h[i] = U @ xi[i] }\nm = mean(i in 1..B: h[i])\n"
                             "s = mean(i in 1..B: (h[i] - m)^2)\noutput v' @ relu((h[1] - m) / sqrt(s + 0.1)) / sqrt(n)\n";
    Set set = tests::random_set(text, 2, {{"B", 6}, {"d", 2}}, 1);
    for (std::size_t k = 0; k < 12; ++k)
        set.inputs[0][12 + k] = 2 * set.inputs[0][k]; // Gaussians of correlation 1
    tests::Settings single;
    single.options.single = true;
    CHECK(tests::deviation(kernels(text, set, single), kernels(text, set)) < 3e-6);
}

TEST_CASE("batches that nearly coincide before a kink have the kernel of one of them, within the error that is stated") {
    constexpr std::size_t batch = 6;
    Set set = tests::random_set(shifted_norm, 2, {{"B", batch}, {"d", 7}}, 8);
    std::vector<double>& values = set.inputs[0];
    const std::size_t size = values.size() / 2;
    for (std::size_t k = 0; k < size; ++k) // a kink moves by about as much
        values[size + k] = values[k] * (1 + 1e-6 * std::sin(static_cast<double>(7 * k)));
    tests::Settings settings;
    settings.options.tolerance = 2e-2;
    settings.defines["L"] = "1";
    const auto both = kernels(shifted_norm, set, settings);
    const auto block = [&](const std::vector<double>& kernel, std::size_t right) { // the first batch with one of both
        std::vector<double> result;
        for (std::size_t i = 0; i < batch; ++i)
            for (std::size_t j = 0; j < batch; ++j)
                result.push_back(kernel[i * 2 * batch + right * batch + j]);
        return result;
    };
    CHECK(tests::deviation(block(both[0].nngp, 1), block(both[0].nngp, 0)) <= both[0].nngp_error + 1e-3);
    CHECK(tests::deviation(block(both[0].ntk, 1), block(both[0].ntk, 0)) <= both[0].ntk_error + 1e-3);
}

namespace {

// The first sample, and others nearer and nearer to it.
Set nearer_and_nearer() {
    Set set;
    const std::array<double, 4> sample{0.9, -0.4, 1.1, 0.3}, direction{0.2, 1.0, -0.7, 0.5};
    const std::array<double, 5> distances{0, 1e-2, 1e-3, 1e-4, 1e-5};
    set.samples = distances.size();
    set.inputs.emplace_back();
    set.sizes = {{"d", sample.size()}};
    for (const double distance : distances)
        for (std::size_t k = 0; k < sample.size(); ++k)
            set.inputs[0].push_back(sample[k] + distance * direction[k]);
    return set;
}

// max(g, h) and tanh(g h) before a kink
std::string before_a_kink(const std::string& function) {
    return "program p\ninput xi : R[d]\nmatrix U[i in 1..2] ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v ~ N(0, 1)\n"
           "g = U[1] @ xi\nh = U[2] @ xi\ny = relu(W @ " +
           function + ")\noutput v' @ y / sqrt(n)\n";
}

} // namespace

TEST_CASE("distances of samples survive sampling: behind the next kink errors of covariances are under a root") {
    const std::string text = before_a_kink("max(g, tanh(h))");
    tests::Settings settings;
    settings.options.tolerance = 3e-4; // could not be met from covariances that are sampled one by one
    const auto all = kernels(text, nearer_and_nearer(), settings);
    const double scale = all[0].ntk[0];
    CHECK(all[0].ntk_error <= 3e-4);
    CHECK(std::abs(all[0].ntk[3] - scale) <= (all[0].ntk_error + 1e-4) * scale);
    CHECK(std::abs(all[0].ntk[4] - scale) <= (all[0].ntk_error + 1e-5) * scale);
}

TEST_CASE("the error that is stated of a tangent kernel is that of covariances behind a root") {
    const std::string text = before_a_kink("tanh(g * h)");
    const Set set = nearer_and_nearer();
    tests::Settings fine, coarse;
    fine.options.tolerance = 1e-5;
    coarse.options.tolerance = 1e-2;
    const auto exact = kernels(text, set, fine);
    const auto rough = kernels(text, set, coarse);
    CHECK(tests::deviation(exact[0].nngp, rough[0].nngp) <= rough[0].nngp_error + exact[0].nngp_error);
    CHECK(tests::deviation(exact[0].ntk, rough[0].ntk) <= rough[0].ntk_error + exact[0].ntk_error);
    CHECK(rough[0].ntk_error <= 1e-2);
}

TEST_CASE("a tolerance that small batches cannot meet is an error that says what can be met") {
    const Set set = tests::random_set(shifted_norm, 1, {{"B", 4}, {"d", 5}}, 9);
    tests::Settings settings;
    settings.options.tolerance = 1e-13;
    settings.defines["L"] = "1";
    const execute::Outcome outcome = tests::evaluate(shifted_norm, set, nullptr, settings);
    REQUIRE(outcome.error);
    CHECK(outcome.error->text.find("an error of about") != std::string::npos);
    CHECK(outcome.outputs.empty());
}

TEST_CASE("hardtanh behind batch norm of four rows meets the default tolerance") {
    const std::string text = R"(program p
input xi : R[B, d]
matrix U ~ N(0, 1/d)
vector v ~ N(0, 1)
for i in 1..B { h[i] = U @ xi[i] }
m = mean(i in 1..B: h[i])
s = mean(i in 1..B: (h[i] - m)^2)
output v' @ hardtanh((h[1] - m) / sqrt(s)) / sqrt(n)
)";
    const Set set = tests::random_set(text, 2, {{"B", 4}, {"d", 8}}, 9);
    tests::Settings coarse, fine;
    coarse.options.tolerance = 1e-4;
    fine.options.tolerance = 1e-5;
    const auto a = kernels(text, set, coarse);
    CHECK(error_of(a) <= 1e-4);
    CHECK(tests::deviation(a, kernels(text, set, fine)) < 1e-4);
}

TEST_CASE("gates of several steps are sampled apart from what they multiply") {
    // the gates of two steps lie in no expectation of their own: their covariance is known from others, or from independence
    const std::string text = R"(program p
input xi : R[T, d]
matrix W[k in 1..2] ~ N(0, 4/n)
matrix U[k in 1..2] ~ N(0, 3/d)
vector b ~ N(-0.4, 0.3)
vector v ~ N(0, 1)
h[0] = 0
for t in 1..T {
    z[t] = sigmoid(W[1] @ h[t-1] + U[1] @ xi[t] + b)
    h[t] = (1 - z[t]) * h[t-1] + z[t] * tanh(W[2] @ h[t-1] + U[2] @ xi[t])
}
output v' @ h[T] / sqrt(n)
)";
    const Set set = tests::random_set(text, 2, {{"T", 4}, {"d", 3}}, 8);
    tests::Settings T, D;
    T.options.tolerance = 1e-3;
    D.options.tolerance = 1e-2;
    D.options.via = execute::Via::D; // every expectation by itself
    const auto forward = kernels(text, set, T);
    const auto backward = kernels(text, set, D);
    CHECK(error_of(forward) <= 1e-3);
    CHECK(error_of(backward) <= 1e-2);
    CHECK(tests::deviation(forward, backward) <= error_of(forward) + error_of(backward));
}

TEST_CASE("with any seed kernels of a cell whose state is no sum of independent products are off by less than they state") {
    const std::string text = R"(program p
input xi : R[T, d]
matrix W[k in 1..4] ~ N(0, 1/n)
matrix U[k in 1..4] ~ N(0, 1/d)
vector b[k in 1..4] ~ N(0, 0.1)
vector v ~ N(0, 1)
h[0] = 0
c[0] = 0
for t in 1..T {
    for k in 1..4 { g[t, k] = W[k] @ h[t-1] + U[k] @ xi[t] + b[k] }
    c[t] = sigmoid(g[t, 1]) * c[t-1] + sigmoid(g[t, 2]) * tanh(g[t, 3])
    h[t] = sigmoid(g[t, 4]) * tanh(c[t])
}
output v' @ h[T] / sqrt(n)
)";
    const Set set = tests::random_set(text, 2, {{"T", 3}, {"d", 3}}, 12);
    tests::Settings fine;
    fine.options.tolerance = 2e-4;
    fine.options.seed = 9;
    const auto exact = kernels(text, set, fine);
    CHECK(error_of(exact) <= 2e-4);
    for (const std::uint32_t seed : {1U, 2U, 3U, 7U}) {
        tests::Settings coarse;
        coarse.options.tolerance = 2e-3;
        coarse.options.seed = seed;
        const auto rough = kernels(text, set, coarse);
        CHECK(error_of(rough) <= 2e-3);
        CHECK(tests::deviation(exact[0].nngp, rough[0].nngp) <= rough[0].nngp_error + exact[0].nngp_error);
        CHECK(tests::deviation(exact[0].ntk, rough[0].ntk) <= rough[0].ntk_error + exact[0].ntk_error);
    }
}

TEST_CASE("expectations of one sample are sampled beside those of a pair") {
    const std::string text = R"(program p
input xi : R
matrix W ~ N(0, 0.7/n)
vector c[t in 1..3] ~ N(0, 0.3)
vector v ~ N(0, 1)
for t in 1..3 { h[t] = W @ c[t] }
for t in 1..3 { f[t] = W @ sin(h[t]) + relu(h[t-1 | zero]) }
for t in 1..3 { if t == 2 { g[t] = f[1] + f[2] } else { g[t] = W @ relu(f[t]) } }
output v' @ (W @ g[3] + g[1] + g[2] + g[3]) / sqrt(n)
)";
    const Set set = tests::random_set(text, 1, {}, 10);
    tests::Settings T, D;
    T.options.tolerance = D.options.tolerance = 1e-2;
    D.options.via = execute::Via::D;
    const auto forward = kernels(text, set, T);
    const auto backward = kernels(text, set, D);
    CHECK(tests::deviation(forward, backward) <= error_of(forward) + error_of(backward));
}

TEST_CASE("a tolerance that sampling cannot meet is an error that says what can be met") {
    const std::string text = head + "x = max(g[1], g[2]) * step(g[3] * g[1])\noutput v' @ x / sqrt(n)\n";
    const Set set = tests::random_set(text, 2, {{"d", 2}}, 4);
    tests::Settings settings;
    settings.options.tolerance = 1e-12;
    const execute::Outcome outcome = tests::evaluate(text, set, nullptr, settings);
    REQUIRE(outcome.error);
    CHECK(outcome.error->text.find("can be met") != std::string::npos);
    CHECK(outcome.outputs.empty());
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
