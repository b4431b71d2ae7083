// The error that is stated of expectations over several Gaussians, and tolerances that cannot be met.
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

TEST_CASE("no tolerance is said to be met where more points do not lessen the error, as of infinite moments") {
    // E[y^2] is finite, E[y^4] is not: its root is what points leave
    const std::string text = R"(program p
input xi : R[d]
frozen matrix A[k in 1..3] ~ N(0, 1/d)
vector v ~ N(0, 1)
a = A[1] @ xi
b = A[2] @ xi
y = relu(A[3] @ xi) * b / abs(a^2 + b^2 - 1)^0.48
output v' @ y / sqrt(n)
)";
    const execute::Outcome outcome = tests::evaluate(text, tests::random_set(text, 2, {{"d", 3}}, 5), nullptr, {});
    REQUIRE(outcome.error);
    UNSCOPED_INFO(outcome.error->text);
    CHECK(outcome.error->text.find("may be infinite") != std::string::npos);
    CHECK(outcome.error->text.find("can be met") == std::string::npos);
    CHECK(outcome.outputs.empty());
}

TEST_CASE("infinite derivatives near a zero of a denominator are an error at any tolerance") {
    // d y / d a has 1 / r, and the tangent kernel of a sample with itself E[1 / r^2], which is infinite in the plane
    const std::string text = R"(program p
input xi : R[d]
matrix A ~ N(0, 1/d)
matrix B ~ N(0, 1/d)
vector c ~ N(0, 0.4)
vector v ~ N(0, 1)
a = A @ xi
b = B @ xi
r = sqrt(a^2 + b^2)
y = relu(r + c) * a / r
output v' @ y / sqrt(n)
)";
    const auto data = tests::random_set(text, 2, {{"d", 3}}, 5);
    tests::Settings settings;
    settings.options.tolerance = 1e-2;
    for (const auto via : {execute::Via::T, execute::Via::D}) {
        settings.options.via = via;
        const execute::Outcome outcome = tests::evaluate(text, data, nullptr, settings);
        REQUIRE(outcome.error);
        CHECK(outcome.error->text.find("infinite: toward a zero of a denominator, of codimension 2, its derivatives grow as "
                                       "distance^-2") != std::string::npos);
        CHECK(outcome.outputs.empty());
    }
    // not the tangent kernel of the readout alone
    std::string fixed = text;
    for (const char* name : {"matrix A", "matrix B", "vector c"})
        fixed.insert(fixed.find(name), "frozen ");
    settings.options.via = execute::Via::T;
    CHECK_FALSE(tests::evaluate(fixed, data, nullptr, settings).error);
}

TEST_CASE("an infinite slope along a Gaussian of variance 0 is an error") {
    const std::string text = R"(program p
input xi : R[d]
matrix A ~ N(0, 1/d)
vector c ~ N(0, 0)
vector v ~ N(0, 1)
z = A @ xi
output v' @ relu(sqrt(c) * z + z) / sqrt(n)
)";
    const auto outcome = tests::evaluate(text, tests::random_set(text, 2, {{"d", 3}}, 4), nullptr);
    REQUIRE(outcome.error);
    CHECK(outcome.error->text.find("not finite") != std::string::npos);
}
