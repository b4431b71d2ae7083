// Denominators by their Laplace transform: exact moments, agreement with sampling, and what it leaves to sampling.
#include "runtime/ratios/laplace.hpp"
#include "runtime/ratios/ratio.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>

using namespace tpc;
using ir::Function;
using joint::Integrand;

namespace {

// phi(c_i / sqrt(mean of squares + epsilon) + shift) of Gaussians first .. first + count - 1, centred or not.
joint::NodeId normalised(joint::Tape& tape, std::uint32_t first, std::uint32_t count, std::uint32_t i, double epsilon,
                         Function phi = Function::relu, double shift = 0) {
    auto sum = tape.number(0);
    for (std::uint32_t k = 0; k < count; ++k)
        sum = tape.apply(Function::add, sum, tape.apply(Function::pow, tape.gaussian(first + k), tape.number(2)));
    const auto mean = tape.apply(Function::mul, sum, tape.number(1.0 / count));
    const auto root = tape.apply(Function::sqrt, tape.apply(Function::add, mean, tape.number(epsilon)));
    const auto ratio = tape.apply(Function::div, tape.gaussian(first + i), root);
    return tape.apply(phi, tape.apply(Function::add, ratio, tape.number(shift)));
}

} // namespace

TEST_CASE("batch-normalised rectifiers: the Laplace transform agrees with sampling, value and slopes") {
    for (const double epsilon : {0.0, 0.1}) {
        Integrand integrand;
        integrand.left_gaussians = integrand.right_gaussians = 5;
        integrand.left = normalised(integrand.tape, 0, 5, 1, epsilon);
        integrand.right = normalised(integrand.tape, 5, 5, 3, epsilon);
        joint::finish(integrand, true);
        Eigen::MatrixXd root = Eigen::MatrixXd::Zero(10, 8);
        for (Eigen::Index r = 0; r < 10; ++r)
            for (Eigen::Index c = 0; c < 8; ++c)
                root(r, c) = std::sin(static_cast<double>((3 * r + 1) * (7 * c + 2)));
        const Eigen::MatrixXd covariance = root * root.transpose() / 8;
        const Eigen::VectorXd mean = Eigen::VectorXd::Zero(10);
        const auto laplace = joint::Laplace::make(integrand, true);
        REQUIRE(laplace);
        const auto exact = (*laplace)(mean, covariance, true, 1e-8);
        REQUIRE(exact);
        const auto finer = (*laplace)(mean, covariance, true, 1e-11);
        CHECK(exact->value == Approx(finer->value).epsilon(1e-7));
        CHECK((exact->slopes - finer->slopes).cwiseAbs().maxCoeff() < 1e-7);
        double value = 0;
        Eigen::MatrixXd slopes = Eigen::MatrixXd::Zero(5, 5);
        for (std::uint32_t r = 0; r < 4; ++r) {
            const auto sampled = joint::estimate(integrand, mean, covariance, {}, {15, r}, true);
            value += sampled.value / 4;
            slopes += sampled.slopes / 4;
        }
        CHECK(exact->value == Approx(value).epsilon(2e-3));
        CHECK((exact->slopes - slopes).cwiseAbs().maxCoeff() < 1e-2 * slopes.cwiseAbs().maxCoeff());
    }
}

TEST_CASE("a batch of equal rows has no variance: its normalised rows are 0 beside an epsilon") {
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 4;
    integrand.left = normalised(integrand.tape, 0, 4, 1, 0.1);
    integrand.right = normalised(integrand.tape, 4, 4, 2, 0.1);
    joint::finish(integrand, true);
    const auto laplace = joint::Laplace::make(integrand, true);
    REQUIRE(laplace);
    const Eigen::VectorXd mean = Eigen::VectorXd::Zero(8);
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(8, 8);
    const auto both = (*laplace)(mean, covariance, true, 1e-8);
    REQUIRE(both);
    CHECK(both->value == 0);
    covariance.bottomRightCorner(4, 4).setIdentity();
    const auto one = (*laplace)(mean, covariance, true, 1e-8);
    REQUIRE(one);
    const auto sampled = joint::estimate(integrand, mean, covariance, {}, {15, 0}, true);
    CHECK(one->value == 0);
    CHECK((one->slopes - sampled.slopes).cwiseAbs().maxCoeff() < 2e-2 * sampled.slopes.cwiseAbs().maxCoeff());
}

TEST_CASE("batch norm before a smooth function: polynomials under the Laplace transform agree with sampling") {
    Eigen::MatrixXd root = Eigen::MatrixXd::Zero(10, 8);
    for (Eigen::Index r = 0; r < 10; ++r)
        for (Eigen::Index c = 0; c < 8; ++c)
            root(r, c) = std::sin(static_cast<double>((3 * r + 1) * (7 * c + 2)));
    const Eigen::MatrixXd covariance = root * root.transpose() / 8;
    const Eigen::VectorXd mean = Eigen::VectorXd::Zero(10);
    const auto expect = [&](Function phi, Function psi, double epsilon) {
        Integrand integrand;
        integrand.left_gaussians = integrand.right_gaussians = 5;
        integrand.left = normalised(integrand.tape, 0, 5, 1, epsilon, phi);
        integrand.right = normalised(integrand.tape, 5, 5, 3, epsilon, psi);
        joint::finish(integrand, true);
        const auto ratios = joint::Ratios::make(integrand);
        REQUIRE(ratios);
        const auto coarse = (*ratios)(mean, covariance, true, 1e-5, 1e-5);
        const auto fine = (*ratios)(mean, covariance, true, 1e-8, 1e-8);
        REQUIRE(coarse);
        REQUIRE(fine);
        double norm = 0;
        double value = 0;
        Eigen::MatrixXd slopes = Eigen::MatrixXd::Zero(5, 5);
        for (std::uint32_t r = 0; r < 4; ++r) {
            const auto sampled = joint::estimate(integrand, mean, covariance, {}, {14, r}, true);
            value += sampled.value / 4;
            slopes += sampled.slopes / 4;
        }
        norm = slopes.cwiseAbs().maxCoeff();
        CHECK(std::abs(coarse->expectation.value - fine->expectation.value) < 1e-5);
        CHECK((coarse->expectation.slopes - fine->expectation.slopes).cwiseAbs().maxCoeff() < 3e-5 * norm);
        CHECK(fine->expectation.value == Approx(value).margin(5e-4));
        CHECK((fine->expectation.slopes - slopes).cwiseAbs().maxCoeff() < 2e-2 * norm);
    };
    expect(Function::tanh, Function::sigmoid, 0);
    expect(Function::gelu, Function::tanh, 0.1);
}

TEST_CASE("polynomials of ratios whose powers cancel go as near as these do") {
    constexpr std::uint32_t rows = 8;
    Eigen::MatrixXd root(2 * rows, 20);
    for (Eigen::Index r = 0; r < root.rows(); ++r)
        for (Eigen::Index c = 0; c < root.cols(); ++c)
            root(r, c) = std::sin(static_cast<double>((3 * r + 1) * (7 * c + 2)));
    const Eigen::MatrixXd covariance = root * root.transpose() / 20;
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = rows;
    integrand.left = normalised(integrand.tape, 0, rows, 1, 0, Function::tanh);
    integrand.right = normalised(integrand.tape, rows, rows, 3, 0, Function::tanh);
    joint::finish(integrand, true);
    const auto ratios = joint::Ratios::make(integrand);
    REQUIRE(ratios);
    const Eigen::VectorXd mean = Eigen::VectorXd::Zero(2 * rows);
    CHECK_FALSE((*ratios)(mean, covariance, true, 1e-10, 1e-10));
    const auto near = (*ratios)(mean, covariance, true, 1e-10, 1e-4);
    const auto coarse = (*ratios)(mean, covariance, true, 1e-5, 1e-5);
    REQUIRE(near);
    REQUIRE(coarse);
    CHECK(near->error < 1e-6);
    CHECK(std::abs(near->expectation.value - coarse->expectation.value) < 1e-5);
}

TEST_CASE("batch norm before a kink: projections under the Laplace transform agree with sampling") {
    Eigen::MatrixXd root = Eigen::MatrixXd::Zero(12, 10);
    for (Eigen::Index r = 0; r < 12; ++r)
        for (Eigen::Index c = 0; c < 10; ++c)
            root(r, c) = std::sin(static_cast<double>((3 * r + 1) * (7 * c + 2)));
    const Eigen::MatrixXd two = root * root.transpose() / 10;
    Eigen::MatrixXd one(12, 12);
    one << two.topLeftCorner(6, 6), two.topLeftCorner(6, 6), two.topLeftCorner(6, 6), two.topLeftCorner(6, 6);
    const Eigen::VectorXd mean = Eigen::VectorXd::Zero(12);
    const auto expect = [&](Function phi, Function psi, std::uint32_t j, double epsilon, const Eigen::MatrixXd& covariance) {
        Integrand integrand;
        integrand.left_gaussians = integrand.right_gaussians = 6;
        integrand.left = normalised(integrand.tape, 0, 6, 1, epsilon, phi, 0.4);
        integrand.right = normalised(integrand.tape, 6, 6, j, epsilon, psi, -0.3);
        joint::finish(integrand, true);
        const auto ratios = joint::Ratios::make(integrand);
        REQUIRE(ratios);
        const auto result = (*ratios)(mean, covariance, true, 0, 1e-3);
        REQUIRE(result);
        double value = 0;
        Eigen::MatrixXd slopes = Eigen::MatrixXd::Zero(6, 6);
        for (std::uint32_t r = 0; r < 16; ++r) { // slopes of small norms have heavy tails
            const auto sampled = joint::estimate(integrand, mean, covariance, {}, {16, r}, true);
            value += sampled.value / 16;
            slopes += sampled.slopes / 16;
        }
        const double norm = slopes.cwiseAbs().maxCoeff();
        CHECK(std::abs(result->expectation.value - value) < 1e-3);
        CHECK((result->expectation.slopes - slopes).cwiseAbs().maxCoeff() < 5e-3 * norm);
    };
    expect(Function::relu, Function::relu, 3, 0, two);
    expect(Function::abs, Function::tanh, 1, 0.1, two);
    expect(Function::hardtanh, Function::elu, 2, 0.01, two);
    for (const std::uint32_t j : {1U, 4U}) // within one batch: the element with itself, and with another one
        expect(Function::relu, Function::abs, j, 0.5, one);
}

TEST_CASE("moments of quadrants: the arc-cosine kernel, and halves of Isserlis's sums") {
    for (const double rho : {-1.0, -0.999999, -0.4, 0.0, 0.7, 1.0}) {
        Eigen::MatrixXd same(6, 7), opposite(6, 7);
        joint::quadrant_moments(2 - 2 * rho, 2 + 2 * rho, same);
        joint::quadrant_moments(2 + 2 * rho, 2 - 2 * rho, opposite);
        const double angle = std::acos(rho);
        CHECK(same(1, 1) ==
              Approx((std::sin(angle) + (std::numbers::pi - angle) * rho) / (2 * std::numbers::pi)).margin(1e-12));
        CHECK(2 * (same(2, 2) + opposite(2, 2)) == Approx(1 + 2 * rho * rho));
        CHECK(2 * (same(3, 3) - opposite(3, 3)) == Approx(9 * rho + 6 * rho * rho * rho));
        CHECK(2 * (same(4, 2) + opposite(4, 2)) == Approx(3 + 12 * rho * rho));
        CHECK(same(5, 2) == Approx(same(2, 5)).margin(1e-13));
    }
}

TEST_CASE("batch norm before a function with a kink at 0: half lines agree with ratios whose kink is beside it") {
    Eigen::MatrixXd root = Eigen::MatrixXd::Zero(12, 10);
    for (Eigen::Index r = 0; r < 12; ++r)
        for (Eigen::Index c = 0; c < 10; ++c)
            root(r, c) = std::sin(static_cast<double>((3 * r + 1) * (7 * c + 2)));
    const Eigen::MatrixXd covariance = root * root.transpose() / 10;
    const Eigen::VectorXd mean = Eigen::VectorXd::Zero(12);
    const auto found = [&](double shift, double tolerance) {
        Integrand integrand;
        integrand.left_gaussians = integrand.right_gaussians = 6;
        integrand.left = normalised(integrand.tape, 0, 6, 1, 0, Function::elu, shift);
        integrand.right = normalised(integrand.tape, 6, 6, 3, 0, Function::elu, shift);
        joint::finish(integrand, true);
        const auto ratios = joint::Ratios::make(integrand);
        REQUIRE(ratios);
        const auto result = (*ratios)(mean, covariance, true, 0.1 * tolerance, tolerance);
        REQUIRE(result);
        CHECK(result->error <= 10 * tolerance);
        return result->expectation;
    };
    const auto half = found(0, 1e-9), beside = found(1e-6, 1e-4);
    const double norm = half.slopes.cwiseAbs().maxCoeff();
    CHECK(std::abs(half.value - beside.value) < 1e-4);
    CHECK((half.slopes - beside.slopes).cwiseAbs().maxCoeff() < 5e-4 * norm);
    const auto coarse = found(0, 1e-5);
    CHECK(std::abs(half.value - coarse.value) < 1e-6);
    CHECK((half.slopes - coarse.slopes).cwiseAbs().maxCoeff() < 1e-5 * norm);
}

TEST_CASE("batch norm before a kink, of few rows: ratios of three Gaussians are uniform, of two coordinates of a circle") {
    const auto expect = [&](std::uint32_t rows, std::uint32_t row, Function phi, double shift, bool one, double expected,
                            double epsilon = 0) {
        Integrand integrand;
        integrand.left_gaussians = integrand.right_gaussians = rows;
        integrand.left = normalised(integrand.tape, 0, rows, 0, epsilon, phi, shift);
        integrand.right = normalised(integrand.tape, rows, rows, row, epsilon, phi, shift);
        joint::finish(integrand, true);
        const auto ratios = joint::Ratios::make(integrand);
        REQUIRE(ratios);
        Eigen::MatrixXd covariance = Eigen::MatrixXd::Identity(2 * rows, 2 * rows);
        if (one)
            covariance.topRightCorner(rows, rows) = covariance.bottomLeftCorner(rows, rows) =
                Eigen::MatrixXd::Identity(rows, rows);
        const auto result = (*ratios)(Eigen::VectorXd::Zero(2 * rows), covariance, rows > 2, 0, 1e-7);
        REQUIRE(result);
        CHECK(result->error <= 1e-5);
        CHECK(std::abs(result->expectation.value - expected) < 1e-6);
        CHECK(result->expectation.slopes.allFinite());
    };
    const double r = std::sqrt(3.0), mean = (r + 0.4) * (r + 0.4) / (4 * r); // of relu(t + 0.4), t uniform in -r..r
    expect(3, 0, Function::hardtanh, 0, true, 1 - 2 / (3 * r));
    expect(3, 0, Function::hardtanh, 0, true, 1 - 2 / (3 * r), 1e-200); // an epsilon that nobody sees
    expect(3, 0, Function::relu, 0.4, true, std::pow(r + 0.4, 3) / (6 * r));
    expect(3, 1, Function::relu, 0.4, false, mean * mean);
    expect(2, 0, Function::hardtanh, 0, true, 1 - 1 / std::numbers::pi);
}

TEST_CASE("the second moment of a normalised Gaussian adds up to one over the batch") {
    // sum of c_i^2 / mean of squares = count
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 4;
    for (const bool right : {false, true}) {
        auto& tape = integrand.tape;
        const std::uint32_t first = right ? 4 : 0;
        auto sum = tape.number(0);
        for (std::uint32_t k = 0; k < 4; ++k)
            sum = tape.apply(Function::add, sum, tape.apply(Function::square, tape.gaussian(first + k)));
        (right ? integrand.right : integrand.left) =
            tape.apply(Function::div, tape.gaussian(first), tape.apply(Function::sqrt, sum));
    }
    joint::finish(integrand, false);
    const auto laplace = joint::Laplace::make(integrand, false);
    REQUIRE(laplace);
    Eigen::MatrixXd covariance(8, 8);
    covariance << Eigen::MatrixXd::Identity(4, 4), Eigen::MatrixXd::Identity(4, 4), Eigen::MatrixXd::Identity(4, 4),
        Eigen::MatrixXd::Identity(4, 4); // the same sample twice
    const auto result = (*laplace)(Eigen::VectorXd::Zero(8), covariance, false, 1e-10);
    REQUIRE(result);
    CHECK(result->value == Approx(0.25).epsilon(1e-8));
}

TEST_CASE("a maximum of two Gaussians is a sum of dual kernels") {
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 2;
    auto& tape = integrand.tape;
    integrand.left = tape.apply(Function::max, tape.gaussian(0), tape.gaussian(1));
    integrand.right = tape.apply(Function::max, tape.gaussian(2), tape.gaussian(3));
    joint::finish(integrand, true);
    const auto laplace = joint::Laplace::make(integrand, true);
    REQUIRE(laplace);
    // independent standard Gaussians: E[max]^2 = 1 / pi
    const auto apart = (*laplace)(Eigen::VectorXd::Zero(4), Eigen::MatrixXd::Identity(4, 4), true, 1e-10);
    REQUIRE(apart);
    CHECK(apart->value == Approx(std::numbers::inv_pi).epsilon(1e-12));
    CHECK(apart->slopes(0, 1) == Approx(0.25).epsilon(1e-12));
}

TEST_CASE("products of different Gaussians are left to sampling") {
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 2;
    auto& tape = integrand.tape;
    integrand.left = tape.apply(Function::mul, tape.apply(Function::tanh, tape.gaussian(0)), tape.gaussian(1));
    integrand.right = tape.gaussian(2);
    joint::finish(integrand, true);
    CHECK_FALSE(joint::Laplace::make(integrand, true));
}

TEST_CASE("an expectation that is infinite is not given") {
    // slopes hold E[1 / |z|^2], of rank 2
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 2;
    integrand.left = normalised(integrand.tape, 0, 2, 0, 0);
    integrand.right = normalised(integrand.tape, 2, 2, 0, 0);
    joint::finish(integrand, true);
    const auto laplace = joint::Laplace::make(integrand, true);
    REQUIRE(laplace);
    Eigen::MatrixXd covariance(4, 4);
    covariance << Eigen::MatrixXd::Identity(2, 2), Eigen::MatrixXd::Identity(2, 2), Eigen::MatrixXd::Identity(2, 2),
        Eigen::MatrixXd::Identity(2, 2);
    CHECK_FALSE((*laplace)(Eigen::VectorXd::Zero(4), covariance, true, 1e-6));
    CHECK_THROWS_AS(joint::estimate(integrand, Eigen::VectorXd::Zero(4), covariance, {}, {8, 0}, true), std::domain_error);
}
