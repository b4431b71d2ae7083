#include "runtime/learn/spectrum.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace tpc::learn;
using Catch::Matchers::Contains;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// min(i, j): positive definite.
MatrixXd brownian(Index n) {
    return MatrixXd::NullaryExpr(n, n, [](Index i, Index j) { return static_cast<double>(std::min(i, j) + 1); });
}

MatrixXd some_targets(Index n, Index columns) {
    return MatrixXd::NullaryExpr(n, columns,
                                 [](Index i, Index j) { return std::sin(static_cast<double>(i * (j + 2) + 1)); });
}

} // namespace

TEST_CASE("predictions at a time are those of gradient descent in small steps") {
    const MatrixXd kernel = brownian(6), targets = some_targets(6, 2);
    const double ridge = 0.3, time = 0.7;
    // Steps of half the size halve the error: twice the finer minus the coarser is of second order.
    const auto descend = [&](int steps) {
        MatrixXd coefficients = MatrixXd::Zero(6, 2);
        for (int k = 0; k < steps; ++k)
            coefficients += time / steps * (targets - kernel * coefficients - ridge * coefficients);
        return coefficients;
    };
    const MatrixXd descended = 2 * descend(40000) - descend(20000);
    const auto fitted = fit_until(time, kernel, targets, ridge);
    REQUIRE(fitted);
    CHECK((fitted->coefficients - descended).cwiseAbs().maxCoeff() < 1e-6);
    CHECK((fit_until(1e9, kernel, targets)->coefficients - fit(kernel, targets)->coefficients).norm() < 1e-10);
    CHECK(fit_until(infinity, kernel, targets)->coefficients == fit(kernel, targets)->coefficients);
    CHECK(fit_until(0, kernel, targets)->coefficients.isZero(0));
    CHECK_THAT(fit_until(-1, kernel, targets).error().text, Contains("time must be"));
    CHECK_THAT(fit_until(1, kernel, targets, -1).error().text, Contains("ridge must be"));
    // A direction of eigenvalue 0 is never learnt; its coefficient grows with time and moves no training output.
    const MatrixXd ones = MatrixXd::Ones(2, 2);
    MatrixXd apart(2, 1);
    apart << 1, -1;
    CHECK((fit_until(5, ones, apart)->coefficients - 5 * apart).norm() < 1e-12);
}

TEST_CASE("a spectrum is that of the kernel, from the largest eigenvalue on") {
    const MatrixXd kernel = brownian(9);
    const auto spectrum = decompose(kernel);
    REQUIRE(spectrum);
    const MatrixXd back = spectrum->vectors * spectrum->values.asDiagonal() * spectrum->vectors.transpose();
    CHECK((back - kernel).norm() < 1e-12 * kernel.norm());
    for (Index k = 0; k < 9; ++k) // 1 / (4 sin^2((2k - 1) pi / (4 n + 2)))
        CHECK(spectrum->values[k] ==
              Approx(1 / (4 * std::pow(std::sin((2.0 * static_cast<double>(k) + 1) * M_PI / 38), 2))));
    CHECK(spectrum->clipped == 0);
    MatrixXd noisy = MatrixXd::Ones(2, 2);
    noisy(0, 1) = noisy(1, 0) = 1 + 1e-6;
    CHECK(decompose(noisy)->values[1] == 0);
    CHECK(decompose(noisy)->clipped == Approx(1e-6));
    CHECK_THAT(decompose(-MatrixXd::Identity(2, 2)).error().text, Contains("not positive semidefinite"));
    CHECK_THAT(decompose(MatrixXd::Ones(2, 3)).error().text, Contains("not square"));
}

TEST_CASE("the loss has fallen to a fraction at the time that is told") {
    const MatrixXd targets = some_targets(9, 2);
    const auto spectrum = decompose(brownian(9));
    REQUIRE(spectrum);
    const VectorXd shares = power(*spectrum, targets);
    CHECK(shares.sum() == Approx(targets.squaredNorm()));
    for (const double fraction : {0.9, 0.1, 1e-6, 1e-14}) {
        const double time = time_to(*spectrum, shares, fraction);
        const MatrixXd left = targets - brownian(9) * fit_until(time, brownian(9), targets)->coefficients;
        CHECK(left.squaredNorm() == Approx(fraction * targets.squaredNorm()).epsilon(1e-6));
    }
    CHECK(time_to(*spectrum, shares, 1) == 0);
    const auto flat = decompose(MatrixXd::Ones(2, 2));
    MatrixXd half(2, 1);
    half << 1, 0; // half of its square lies along the eigenvector of 0
    CHECK(time_to(*flat, power(*flat, half), 0.4) == infinity);
    CHECK(time_to(*flat, power(*flat, half), 0.6) == Approx(std::log(5) / 4)); // (1 + exp(-4 t)) / 2
    CHECK(time_to(*flat, VectorXd::Zero(2), 0.5) == 0);
}

TEST_CASE("the complexity of targets is sqrt(2 y' K^-1 y / N)") {
    const MatrixXd kernel = brownian(7), targets = some_targets(7, 1);
    const auto spectrum = decompose(kernel);
    const double want = std::sqrt(2 * targets.col(0).dot(fit(kernel, targets)->coefficients.col(0)) / 7);
    CHECK(complexity(*spectrum, power(*spectrum, targets)) == Approx(want));
    const auto flat = decompose(MatrixXd::Ones(2, 2));
    CHECK(complexity(*flat, VectorXd::Constant(2, 1)) == infinity);
}
