// The text of `tpc explain`.
#include "runtime/execute/explain.hpp"
#include "runtime/rows/rows.hpp"
#include "tests/execute/pipeline.hpp"

#include <catch2/catch.hpp>

using namespace tpc;

TEST_CASE("an explanation prints its expectations, the costly first, and what dominates") {
    execute::Explanation explanation;
    explanation.left_samples = explanation.right_samples = 10;
    explanation.symmetric = true;
    explanation.tolerance = 1e-8;
    explanation.nngp_error = explanation.ntk_error = 2e-9;
    explanation.ledger.samples = 2;
    explanation.ledger.pairs = 3;
    explanation.ledger.add({true, "E[relu(z) . relu(z)] of (g, g_), 4 for each pair", "", "closed form (piecewise linear)"},
                           {2, 4, 0, 3e-6, 0, "to the tolerance"});
    explanation.ledger.add({true, "E[x[2] x_[2]] and derivatives", "g[1], g_[1]", "tensor Hermite series"},
                           {2, 3, 120, 0.03, 2e-9, ""});
    explanation.names = "g[t] = U @ xi[t]  t in 1..T\n";
    explanation.rate = {7, 9, 27, 336, 1234, 4e10, 3.1e-8, 9e-8, 45};
    explanation.ledger.add({false, "E[x[2]]", "g[1]", "scrambled Sobol points"}, {1, 2, 4096, 0.002, 0, ""});
    std::string expected =
        R"(of 10 samples 2 are evaluated, those of the least and the greatest norm among them; others may need more
expectations for each sample, the costly first
  E[x[2]]
    part over g[1]
    1 Gaussian, scrambled Sobol points, 4096 points, 1 ms of computation
expectations for each pair of samples, the costly first
  E[x[2] x_[2]] and derivatives
    part over g[1], g_[1]
    2 Gaussians, tensor Hermite series, 120 points, 10 ms of computation, error 2e-09
  E[relu(z) . relu(z)] of (g, g_), 4 for each pair
    2 Gaussians, closed form (piecewise linear), 1 us of computation, to the tolerance
where
  g[t] = U @ xi[t]  t in 1..T
a pair of samples: 7 operations that add 9 products (27 before sums over pairs were factored), 336 bytes of entries, about 1.23e+03 floating-point operations
    31 ns at the 40 Gflop/s of one core (SET), 90 ns measured over 45 pairs
expectations, one core: 10 ms for 10 samples, 550 ms for 55 pairs
98 % of that: E[x[2] x_[2]] and derivatives, by tensor Hermite series
all pairs at the measured rate, one core: 4.95 us
estimated error of the kernels, relative to the largest entry: nngp 2.0e-09, ntk 2.0e-09
)";
    expected.replace(expected.find("SET"), 3, rows::instruction_set());
    CHECK(execute::print(explanation) == expected);
}

TEST_CASE("an explanation counts and times pairs of samples") {
    const std::string text = "program two\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "for t in 1..T { x[t] = relu(U @ xi[t]) }\noutput v' @ mean(t in 1..T: x[t]) / sqrt(n)\n";
    const tests::Set set = tests::random_set(text, 5, {{"T", 3}, {"d", 2}}, 1);
    const execute::SampleSet data{set.samples, {{set.inputs[0]}}};
    const plan::Plan plan = tests::plan_of(text, set, nullptr);
    const execute::Rate rate = execute::explain(plan, data, nullptr, {}).rate;
    // U xi[t], relu and the mean over pairs of positions, then the output
    CHECK(rate.operations == 9 + 9 + 1 + 1);
    CHECK(rate.products == 9 + 9 + 1);
    CHECK(rate.arithmetic > 0);
    CHECK(rate.pairs > 0);
    CHECK(rate.estimated > 0);
    CHECK(rate.measured > 0);
}

TEST_CASE("an explanation says what names stand for that are not the program's") {
    const std::string text =
        "program gate\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v ~ N(0, 1)\n"
        "x = tanh(U @ xi)\ny = (1 - sigmoid(W @ x)) * tanh(U @ xi + W @ x)\noutput v' @ y / sqrt(n)\n";
    const tests::Set set = tests::random_set(text, 2, {{"d", 3}}, 1);
    const plan::Plan plan = tests::plan_of(text, set, nullptr);
    const execute::SampleSet data{set.samples, {{set.inputs[0]}}};
    const execute::Explanation explanation = execute::explain(plan, data, nullptr, {});
    CHECK(explanation.names == "g = U @ xi\ng3 = W @ x\np = sigmoid(g3)\ng2 = 1 - p\ng4 = U @ xi + W @ x\np2 = tanh(g4)\n");
}
