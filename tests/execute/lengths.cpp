// Kernels of samples of unequal lengths.
#include "tests/execute/pipeline.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>

namespace {

using namespace tpc;
using tests::Set;

const std::string head = "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\n"
                         "matrix M ~ N(0, 0.5/n)\nvector b ~ N(0.2, 0.3)\nvector v ~ N(0, 1)\n";

std::vector<double> transposed(const std::vector<double>& values, std::size_t rows) {
    std::vector<double> result;
    for (std::size_t column = 0; column < values.size() / rows; ++column)
        for (std::size_t row = 0; row < rows; ++row)
            result.push_back(values[row * (values.size() / rows) + column]);
    return result;
}

} // namespace

TEST_CASE("a shorter and a longer sequence have one kernel, whichever comes first") {
    // what only one of them reads of the other: means of elements that start from a number
    for (const char* body : {
             "a[0] = 1\nfor t in 1..T { a[t] = relu(W @ a[t-1]) }\noutput v' @ a[T] / sqrt(n)\n",
             "a[0] = 1\nfor t in 1..T { a[t] = relu(W @ a[t-1] + U @ xi[t] + b) }\noutput v' @ a[T] / sqrt(n)\n",
             "a[0] = b + 1\nfor t in 1..T { a[t] = relu(W @ a[t-1] + U @ xi[t]) }\noutput v' @ relu(M @ a[T]) / sqrt(n)\n",
             "a[T+1] = 1\nfor t in 1..T { a[T+1-t] = relu(W @ a[T+2-t] + U @ xi[t]) }\noutput v' @ a[1] / sqrt(n)\n",
             "a[0] = 1\nfor t in 1..T { a[t] = relu(W @ a[t-1] + U @ xi[t]) }\n"
             "for t in 1..T { y[t] = relu(a[t] - avg(a[t-1])) }\noutput v' @ y[T] / sqrt(n)\n",
             "for t in 1..T { a[t] = relu(U @ xi[t]) }\nfor t in 1..T { y[t] = a[t] - avg(a[T+1-t]) }\n"
             "output v' @ relu(W @ mean(t in 1..T: y[t])) / sqrt(n)\n",
         }) {
        INFO(body);
        const std::string text = head + body;
        const Set long_ones = tests::random_set(text, 2, {{"T", 4}, {"d", 2}}, 3);
        const Set short_ones = tests::random_set(text, 3, {{"T", 2}, {"d", 2}}, 5);
        const auto one = tests::kernels(text, long_ones, short_ones), other = tests::kernels(text, short_ones, long_ones);
        CHECK(tests::deviation(one[0].nngp, transposed(other[0].nngp, 3)) <=
              1e-12 + one[0].nngp_error + other[0].nngp_error);
        CHECK(tests::deviation(one[0].ntk, transposed(other[0].ntk, 3)) <= 1e-12 + one[0].ntk_error + other[0].ntk_error);
    }
}

TEST_CASE("a chain from the constant 1 against its end at another length") {
    const std::string text = head + "a[0] = 1\nfor t in 1..T { a[t] = relu(W @ a[t-1]) }\noutput v' @ a[T] / sqrt(n)\n";
    const Set longer{1, {{"T", 4}, {"d", 2}}, {std::vector<double>(8, 1.0)}};
    const Set shorter{1, {{"T", 2}, {"d", 2}}, {std::vector<double>(4, 1.0)}};
    // C(a[2], a_[0]) = E[a[2]], of a Gaussian of variance E[a[1]^2] = 1/2; then relu's dual kernel twice
    const double start = std::sqrt(0.5 / (2 * std::numbers::pi));
    const auto next = [](double covariance, double A, double B) {
        const double angle = std::acos(covariance / std::sqrt(A * B));
        return std::sqrt(A * B) / (2 * std::numbers::pi) * (std::sin(angle) + (std::numbers::pi - angle) * std::cos(angle));
    };
    const double expected = next(next(start, 0.25, 1), 0.125, 0.5);
    CHECK(tests::kernels(text, longer, shorter)[0].nngp[0] == Approx(expected));
    CHECK(tests::kernels(text, shorter, longer)[0].nngp[0] == Approx(expected));
}

TEST_CASE("families of a triangle of indices have no means outside it, and none is read") {
    const std::string text = head + "for t in 1..T, s in 1..t { e[t,s] = relu(U @ (xi[t] - 0.5 * xi[s]) + b) }\n"
                                    "output v' @ relu(W @ sum(s in 1..T: e[T,s])) / sqrt(n)\n";
    const Set set = tests::random_set(text, 3, {{"T", 3}, {"d", 2}}, 3);
    tests::Settings backward;
    backward.options.via = execute::Via::D;
    CHECK(tests::deviation(tests::kernels(text, set), tests::kernels(text, set, backward)) < 1e-10);
}
