// Empirical kernels: estimators, index modes, sample sets, and the limit of a relu network in closed form.
#include "runtime/finite/simulate.hpp"
#include "tests/finite/compile.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>

using namespace tpc;

namespace {

const char* const rnn = R"(program rnn
input xi : R[T, d]
matrix W ~ N(0, 0.8 / n)
matrix U ~ N(0, 1 / d) rate 2
vector b ~ N(0, 0.1)
vector v ~ N(0, 1)
s[0] = 0
for t in 1..T { s[t] = erf(W @ s[t-1] + U @ xi[t] + b) }
output f[t in 1..T] = v' @ s[t] / sqrt(n)
)";

double distance(const finite::Tensor& a, const finite::Tensor& b) {
    REQUIRE(a.shape == b.shape);
    double result = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i)
        result = std::max(result, std::abs(a.values[i] - b.values[i]));
    return result;
}

// Cho & Saul 2009 and Jacot et al. 2018, two hidden layers, weight variance 2: kernels between samples of the data.
finite::Kernels arc_cosine(const finite::Tensor& xi) {
    const std::size_t samples = xi.shape[0], d = xi.shape[1];
    finite::Kernels result(1);
    result[0].nngp.shape = result[0].ntk.shape = {samples, samples};
    const auto inner = [&](std::size_t a, std::size_t b) {
        double sum = 0;
        for (std::size_t k = 0; k < d; ++k)
            sum += xi.values[a * d + k] * xi.values[b * d + k];
        return sum / static_cast<double>(d);
    };
    for (std::size_t a = 0; a < samples; ++a)
        for (std::size_t b = 0; b < samples; ++b) {
            const double scale = 2 * std::sqrt(inner(a, a) * inner(b, b)); // kept by relu and variance 2
            double covariance = 2 * inner(a, b), tangent = inner(a, b);
            for (int layer = 1; layer <= 2; ++layer) {
                const double rho = std::clamp(covariance / scale, -1.0, 1.0), theta = std::acos(rho);
                const double value = scale / (2 * std::numbers::pi) * (std::sin(theta) + (std::numbers::pi - theta) * rho);
                tangent = tangent * (std::numbers::pi - theta) / (2 * std::numbers::pi) * (layer == 1 ? 2 : 1) + value;
                covariance = 2 * value;
            }
            result[0].nngp.values.push_back(covariance / 2);
            result[0].ntk.values.push_back(tangent);
        }
    return result;
}

} // namespace

TEST_CASE("a relu network approaches the arc-cosine kernels") {
    const ir::Program program = tests::compile(R"(program mlp
input xi : R[d]
matrix U ~ N(0, 2 / d)
matrix W ~ N(0, 2 / n)
vector v ~ N(0, 1)
output v' @ relu(W @ relu(U @ xi)) / sqrt(n)
)");
    const auto set = tests::random_samples(program, tests::sizes(program, {{"d", 3}}), 3, 1);
    const finite::Kernels limit = arc_cosine(set.data[0]);
    finite::SimulateOptions options;
    options.widths = {32, 64, 128, 256};
    options.seeds = 40;
    const finite::Table table = finite::simulate(program, set, limit, options);
    INFO(finite::print(table));
    for (const finite::Row& row : table.rows) {
        CHECK(row.nngp.of_mean < 4 * row.nngp.noise + 1 / static_cast<double>(row.width));
        CHECK(row.ntk.of_mean < 4 * row.ntk.noise + 1 / static_cast<double>(row.width));
    }
    CHECK(table.nngp.typical == Approx(-0.5).margin(0.15));
    CHECK(table.ntk.typical == Approx(-0.5).margin(0.15));

    finite::Kernels transposed = limit;
    transposed[0].ntk.shape = {9};
    CHECK_THROWS_AS(finite::simulate(program, set, transposed, options), std::invalid_argument);
}

TEST_CASE("readouts are averaged exactly, rates and frozen parameters count") {
    const ir::Program program = tests::compile(R"(program p
input xi : R[d]
frozen matrix U ~ N(0, 1 / d)
frozen vector b ~ N(0, 1)
vector v ~ N(0, 0.7) rate 2
frozen scalar c ~ N(0.5, 0.3)
output v' @ tanh(U @ xi + b) / sqrt(n) + c
)");
    const auto set = tests::random_samples(program, tests::sizes(program, {{"d", 3}}), 2, 1);
    const finite::Kernels kernels = finite::empirical_kernels(program, set, 20, 1);
    // ntk = 2 x'x/n, nngp = 0.7 x'x/n + E c^2
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(kernels[0].nngp.values[i] == Approx(0.35 * kernels[0].ntk.values[i] + 0.3 + 0.25));
    CHECK(kernels[0].ntk.shape == std::vector<std::size_t>{2, 2});
}

TEST_CASE("index modes, conditions and empty sums read what the language says") {
    // f = c * (a number), so ntk is the square of the number.
    const auto coefficient = [](const std::string& value) {
        const ir::Program program =
            tests::compile("program p\ninput xi : R[T]\nscalar c ~ N(0, 1)\n"
                           "for t in 2..T { if t == T { x[t] = 100 * xi[t] } else { x[t] = xi[t] } }\n"
                           "output c * (" +
                           value + ")\n");
        const finite::SampleSet set{tests::sizes(program, {{"T", 4}}), {{{1, 4}, {1, 2, 3, 5}}}};
        return std::sqrt(finite::empirical_kernels(program, set, 3, 1)[0].ntk.values[0]);
    };
    CHECK(coefficient("x[2] + x[3] + x[4]") == Approx(505));
    CHECK(coefficient("10 + sum(t in 1..5: x[t | zero])") == Approx(515));
    CHECK(coefficient("sum(t in 1..5: x[t | clamp])") == Approx(2 + 505 + 500));
    CHECK(coefficient("sum(t in 1..5: x[t | wrap])") == Approx(500 + 505 + 2));
    CHECK(coefficient("sum(t in 0..5: xi[t | clamp])") == Approx(1 + 11 + 5));
    CHECK(coefficient("sum(t in 3..2: xi[t]) + prod(t in 3..2: xi[t])") == Approx(1));
    CHECK(coefficient("sum(t in 1..T, r in 1..t: xi[r] * t / T)") == Approx((1 + 2 * 3 + 3 * 6 + 4 * 11) / 4.0));
}

TEST_CASE("sets of samples of different sizes meet the same network") {
    const ir::Program program = tests::compile(rnn);
    const auto long_set = tests::random_samples(program, tests::sizes(program, {{"T", 3}, {"d", 2}}), 2, 1);
    finite::SampleSet short_set{tests::sizes(program, {{"T", 2}, {"d", 2}}), {{{2, 2, 2}, {}}}};
    for (std::size_t s = 0; s < 2; ++s) // the first two steps of every sample
        for (std::size_t k = 0; k < 4; ++k)
            short_set.data[0].values.push_back(long_set.data[0].values[s * 6 + k]);
    const auto both = finite::empirical_kernels(program, short_set, long_set, 30, 4)[0];
    const auto whole = finite::empirical_kernels(program, long_set, 30, 4)[0];
    REQUIRE(both.ntk.shape == std::vector<std::size_t>{2, 2, 2, 3});
    for (std::size_t s = 0; s < 2; ++s)
        for (std::size_t t = 0; t < 2; ++t)
            for (std::size_t k = 0; k < 6; ++k) {
                CHECK(both.ntk.values[(s * 2 + t) * 6 + k] == Approx(whole.ntk.values[(s * 3 + t) * 6 + k]));
                CHECK(both.nngp.values[(s * 2 + t) * 6 + k] == Approx(whole.nngp.values[(s * 3 + t) * 6 + k]));
            }
}

TEST_CASE("draws depend on the seed only, not on what is held in memory") {
    const ir::Program program = tests::compile(rnn);
    const auto set = tests::random_samples(program, tests::sizes(program, {{"T", 3}, {"d", 2}}), 2, 1);
    const finite::Graph graph = finite::unroll(program, set.sizes);
    finite::Draw roomy(16, 7), tight(16, 7, 1), other(16, 8);
    const auto a = finite::empirical_kernels(graph, set.data, roomy)[0];
    const auto b = finite::empirical_kernels(graph, set.data, tight)[0];
    const auto c = finite::empirical_kernels(graph, set.data, other)[0];
    CHECK(distance(a.ntk, b.ntk) < 1e-12);
    CHECK(distance(a.ntk, c.ntk) > 1e-3);
}

TEST_CASE("data of the wrong shape are refused") {
    const ir::Program program = tests::compile(rnn);
    auto set = tests::random_samples(program, tests::sizes(program, {{"T", 3}, {"d", 2}}), 2, 1);
    set.data[0].shape = {2, 2, 3};
    CHECK_THROWS_AS(finite::empirical_kernels(program, set, 8, 1), std::invalid_argument);
}
