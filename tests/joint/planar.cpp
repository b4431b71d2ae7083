// Quadrature split at kinks, against what closed forms give.
#include "runtime/planes/planar.hpp"
#include "runtime/gaussian/dual.hpp"

#include <catch2/catch.hpp>

#include <Eigen/LU>

#include <cmath>
#include <numbers>

using namespace tpc;
using ir::Function;
using joint::Integrand;
using joint::NodeId;

namespace {

constexpr double pi = std::numbers::pi;

// Of relu of standard normal numbers of correlation r: E[relu relu], E[relu' relu], E[relu' relu'].
struct ArcCosine {
    double value, mixed, slope;
    explicit ArcCosine(double r)
        : value((std::sqrt(1 - r * r) + r * (pi - std::acos(r))) / (2 * pi)), mixed((1 + r) / (2 * std::sqrt(2 * pi))),
          slope((pi - std::acos(r)) / (2 * pi)) {}
};

NodeId line(joint::Tape& tape, std::uint32_t first, const Eigen::RowVectorXd& weights) {
    NodeId sum = tape.number(0);
    for (Eigen::Index k = 0; k < weights.size(); ++k)
        sum = tape.apply(
            Function::add, sum,
            tape.apply(Function::mul, tape.number(weights[k]), tape.gaussian(first + static_cast<std::uint32_t>(k))));
    return sum;
}

constexpr double unlimited = 1e11;

std::optional<joint::Planar> planar(Integrand integrand, const Eigen::MatrixXd& covariance, double tolerance) {
    joint::finish(integrand, true);
    double work = unlimited;
    return joint::planar(integrand, Eigen::VectorXd::Zero(covariance.rows()), covariance, {}, true, tolerance, work);
}

// E of one function of two independent standard normal numbers.
double mean_of(const std::function<NodeId(joint::Tape&, NodeId, NodeId)>& function) {
    Integrand integrand;
    integrand.left_gaussians = 2;
    integrand.right = integrand.tape.number(1);
    integrand.left = function(integrand.tape, integrand.tape.gaussian(0), integrand.tape.gaussian(1));
    const auto result = planar(integrand, Eigen::MatrixXd::Identity(2, 2), 1e-10);
    REQUIRE(result);
    return result->expectation.value;
}

} // namespace

TEST_CASE("products of relus of any two directions have the product of their dual kernels") {
    // x = M a, x_ = M_ a_ of independent pairs (a_1, a_1_), (a_2, a_2_): kinks are where a = M^-1 x changes its sign.
    const Eigen::Matrix2d m{{1.3, 0.4}, {-0.7, 0.9}}, m_{{0.5, -1.1}, {0.8, 0.3}};
    const Eigen::Matrix2d inverse = m.inverse(), inverse_ = m_.inverse();
    for (const auto& [r, t] : {std::pair{0.0, 0.0}, std::pair{0.5, -0.2}, std::pair{0.99, 0.3}, std::pair{0.999, 0.99},
                               std::pair{1.0, 0.6}, std::pair{1.0, 1.0}, std::pair{1 - 1e-12, 0.6},
                               std::pair{1 - 1e-12, 1 - 1e-11}, std::pair{1 - 1e-5, 1 - 3e-4}, std::pair{1.0, 1 - 1e-7}}) {
        CAPTURE(r, t);
        Integrand integrand;
        integrand.left_gaussians = integrand.right_gaussians = 2;
        joint::Tape& tape = integrand.tape;
        const auto product = [&](std::uint32_t first, const Eigen::Matrix2d& w) {
            return tape.apply(Function::mul, tape.apply(Function::relu, line(tape, first, w.row(0))),
                              tape.apply(Function::relu, line(tape, first, w.row(1))));
        };
        integrand.left = product(0, inverse);
        integrand.right = product(2, inverse_);
        Eigen::MatrixXd covariance(4, 4);
        const Eigen::Matrix2d between = Eigen::Vector2d(r, t).asDiagonal();
        covariance << m * m.transpose(), m * between * m_.transpose(), m_ * between * m.transpose(), m_ * m_.transpose();
        const ArcCosine a(r), b(t);
        Eigen::Matrix2d slopes;
        slopes << a.slope * b.value, a.mixed * b.mixed, a.mixed * b.mixed, a.value * b.slope;
        for (const double tolerance : {1e-6, 1e-10}) {
            const auto got = planar(integrand, covariance, tolerance);
            REQUIRE(got);
            CHECK(got->error <= tolerance);
            CHECK(std::abs(got->expectation.value - a.value * b.value) <= got->error * got->norm);
            // a correlation of 1 is known to its rounding, and the slope to the root of that
            const double rounding = r == 1 ? 3e-8 : 1e-13;
            CHECK((got->expectation.slopes - inverse.transpose() * slopes * inverse_).cwiseAbs().maxCoeff() <=
                  got->error * got->slope_norm + rounding);
        }
    }
}

TEST_CASE("curved kinks, functions that grow and singularities along lines are integrated") {
    const double disk = mean_of([](joint::Tape& t, NodeId x, NodeId y) { // E[relu(1 - x^2 - y^2)]
        const NodeId squares = t.apply(Function::add, t.apply(Function::square, x), t.apply(Function::square, y));
        return t.apply(Function::relu, t.apply(Function::sub, t.number(1), squares));
    });
    CHECK(std::abs(disk - (2 * std::exp(-0.5) - 1)) < 1e-10);
    const double largest = mean_of([](joint::Tape& t, NodeId x, NodeId y) {
        return t.apply(Function::max, t.apply(Function::exp, x), t.apply(Function::exp, y));
    });
    CHECK(std::abs(largest - std::exp(0.5) * (1 + std::erf(0.5))) < 1e-9);
    const double root = mean_of([](joint::Tape& t, NodeId x, NodeId y) { // z = (x + y) / sqrt 2: 2^(1/4) E[sqrt |z|]
        return t.apply(Function::sqrt, t.apply(Function::abs, t.apply(Function::add, x, y)));
    });
    CHECK(std::abs(root - std::sqrt(2) * std::tgamma(0.75) / std::sqrt(pi)) < 1e-9);
}

TEST_CASE("sharp bends of smooth functions are integrated") {
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 2;
    joint::Tape& tape = integrand.tape;
    const auto side = [&](std::uint32_t first) {
        const NodeId difference = tape.apply(Function::sub, tape.gaussian(first), tape.gaussian(first + 1));
        return tape.apply(Function::sigmoid, tape.apply(Function::mul, tape.number(40), difference));
    };
    integrand.left = side(0);
    integrand.right = side(2);
    const double r = 0.7;
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Identity(4, 4);
    covariance.topRightCorner(2, 2).diagonal().setConstant(r);
    covariance.bottomLeftCorner(2, 2).diagonal().setConstant(r);
    const auto got = planar(integrand, covariance, 1e-9);
    REQUIRE(got);

    ir::ExprTable table;
    ir::Node variable;
    variable.op = ir::Op::variable;
    variable.type = ir::Type::vector;
    const ir::ExprId sigmoid =
        table.apply(Function::sigmoid, {table.apply(Function::mul, {table.number(40), table.add(variable)})});
    const auto dual = gaussian::make_dual<double>({&table, sigmoid}, {&table, sigmoid}, {2, 0}, {1e-10}, nullptr);
    REQUIRE(dual);
    const double variance = 2, mean = 0, minus = 4 * (1 - r), plus = 4 * (1 + r);
    std::vector<double> features(dual->features());
    dual->prepare(0, 1, &variance, &mean, features.data(), 1);
    double value = 0, slope = 0;
    dual->evaluate({1, {&variance, 0}, {&variance, 0}, {&mean, 0}, {&mean, 0}, {&minus, 0}, {&plus, 0}},
                   {{features.data(), 0}, 1}, {{features.data(), 0}, 1}, {&value, nullptr, nullptr, &slope});
    CHECK(std::abs(got->expectation.value - value) <= got->error * got->norm);
    CHECK(std::abs(got->expectation.slopes(0, 0) - slope) <= 2 * got->error * got->slope_norm);
}

TEST_CASE("quadrature split at kinks takes two coordinates a side and keeps to what it may spend") {
    Integrand integrand;
    integrand.left_gaussians = 3;
    integrand.right = integrand.tape.number(1);
    integrand.left = integrand.tape.apply(Function::relu, line(integrand.tape, 0, Eigen::RowVector3d(1, 2, 3)));
    CHECK_FALSE(planar(integrand, Eigen::MatrixXd::Identity(3, 3), 1e-8));
    joint::finish(integrand, false);
    const Eigen::Vector3d direction(1, 0.5, 0.2);
    const Eigen::MatrixXd one = direction * direction.transpose();
    double work = 1;
    CHECK_FALSE(joint::planar(integrand, Eigen::VectorXd::Zero(3), one, {}, false, 1e-8, work));
    work = unlimited;
    const auto got = joint::planar(integrand, Eigen::VectorXd::Zero(3), one, {}, false, 1e-8, work);
    REQUIRE(got);
    CHECK(std::abs(got->expectation.value - 2.6 / std::sqrt(2 * pi)) < 1e-8);
    CHECK(work < unlimited);
}
