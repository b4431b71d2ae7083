// Batch norm: expectations over the Gaussians of a batch.
#include "tests/execute/pipeline.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace tpc;
using tests::kernels;
using tests::Set;

namespace {

double error_of(const std::vector<execute::Kernel>& kernels) {
    return std::max(kernels[0].nngp_error, kernels[0].ntk_error);
}

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

TEST_CASE("gains and biases behind batch norm that begin at numbers are those numbers, and count in the tangent kernel") {
    const auto text = [](const std::string& parameters, const std::string& row) {
        return "program p\ninput xi : R[B, d]\n" + parameters +
               "vector v ~ N(0, 1)\nfor i in 1..B { h[i] = U @ xi[i] }\nm = mean(i in 1..B: h[i])\n"
               "s = mean(i in 1..B: (h[i] - m)^2)\nfor i in 1..B { r[i] = (h[i] - m) / sqrt(s) }\n"
               "output f[i in 1..B] = v' @ " +
               row + " / sqrt(n)\n";
    };
    const std::string U = "matrix U ~ N(0, 1/d)\n";
    const std::string learned = text(U + "vector g ~ N(0.5, 0)\nvector c ~ N(0, 0)\n", "relu(g * r[i] + c)");
    const Set set = tests::random_set(learned, 2, {{"B", 5}, {"d", 6}}, 3);
    tests::Settings settings;
    settings.options.tolerance = 1e-6;
    const auto found = kernels(learned, set, settings);
    const auto plain = kernels(text(U, "relu(0.5 * r[i])"), set, settings);
    const auto gain = kernels(text("frozen " + U, "relu(r[i])"), set, settings);
    const auto bias = kernels(text("frozen " + U, "step(r[i])"), set, settings);
    CHECK(tests::deviation(found[0].nngp, plain[0].nngp) < 1e-12);
    std::vector<double> sum = plain[0].ntk;
    for (std::size_t k = 0; k < sum.size(); ++k)
        sum[k] += gain[0].nngp[k] + bias[0].nngp[k];
    CHECK(tests::deviation(found[0].ntk, sum) < 2e-6);
}
