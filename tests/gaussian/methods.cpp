#include "runtime/gaussian/coefficient_table.hpp"
#include "runtime/gaussian/dual.hpp"
#include "tests/gaussian/support.hpp"

#include <catch2/catch.hpp>

#include <boost/multiprecision/cpp_bin_float.hpp>

namespace {

using namespace tpc;
using namespace tpc::test;
using ir::Function;
using Exact = boost::multiprecision::cpp_bin_float_50;

std::string method(const Table& table, ir::ExprId phi, double variance = 1, ir::ExprId psi = {}, bool pair = false) {
    std::string reason;
    const auto dual =
        gaussian::make_dual<double>(table.activation(phi), table.activation(pair ? psi : phi), {variance, 0}, {}, &reason);
    return dual ? dual->method() : reason;
}

} // namespace

TEST_CASE("methods are found by analysis") {
    Table t;
    const auto z = t.z;
    const auto relu = t.call(Function::relu, z), absolute = t.call(Function::abs, z);
    const std::string piecewise = "closed form (piecewise linear)";
    CHECK(method(t, relu) == piecewise);
    CHECK(method(t, t.call(Function::mul, t.call(Function::step, z), z)) == piecewise);
    CHECK(method(t, t.call(Function::div, t.call(Function::add, z, absolute), t.number(2))) == piecewise);
    CHECK(method(t, t.call(Function::max, z, t.call(Function::mul, t.number(0.1), z))) == piecewise);
    CHECK(method(t, t.call(Function::relu, t.call(Function::mul, t.number(-3), relu))) == piecewise);
    CHECK(method(t, t.call(Function::relu, t.call(Function::sub, absolute, t.number(1)))) == "closed form");
    CHECK(method(t, t.call(Function::exp, t.call(Function::neg, absolute))) == "closed form");
    const auto normal = t.call(Function::add, t.number(1), t.call(Function::erf, t.call(Function::mul, t.number(-3), z)));
    for (const auto phi : {t.call(Function::erf, z), t.call(Function::div, normal, t.number(2)), t.call(Function::step, z)})
        CHECK(method(t, phi) == "closed form (arcsine)");
    CHECK(method(t, t.call(Function::erf, z), 1, relu, true) == "closed form");
    CHECK(method(t, t.call(Function::pow, z, t.number(3))) == "Hermite series, 4 terms");
    CHECK(method(t, t.call(Function::tanh, z)).starts_with("Hermite series, "));
    // z sigma(2z), written out, and a pair of which one side is kinked
    CHECK(method(t, t.call(Function::mul, z, t.call(Function::sigmoid, z))).starts_with("Hermite series, "));
    CHECK(method(t, relu, 1, t.call(Function::tanh, z), true).starts_with("Hermite series, "));
}

TEST_CASE("what does not exist is refused with its reason") {
    Table t;
    const auto z = t.z;
    CHECK_THROWS_WITH(method(t, t.call(Function::log, z)), Catch::Contains("not defined everywhere"));
    CHECK_THROWS_WITH(method(t, t.call(Function::exp, t.call(Function::square, z))), Catch::Contains("grows too fast"));
}

TEST_CASE("quadrature does what has no closed form and no short series") {
    Table t;
    const auto z = t.z;
    const std::string quadrature = "quadrature split at kinks";
    CHECK_THAT(method(t, t.call(Function::relu, t.call(Function::tanh, z))), Catch::StartsWith(quadrature));
    CHECK_THAT(method(t, t.call(Function::elu, z), 100), Catch::StartsWith(quadrature));
    CHECK_THAT(method(t, t.call(Function::tanh, z), 1e6), Catch::StartsWith(quadrature));
    CHECK_THAT(method(t, t.call(Function::pow, t.call(Function::square, z), t.number(0.25))), Catch::StartsWith(quadrature));
}

TEST_CASE("a Hermite series refuses samples outside its regime") {
    Table t;
    const auto tanh = t.activation(t.call(Function::tanh, t.z));
    const auto dual = gaussian::make_dual<double>(tanh, tanh, {1, 0}, {}, nullptr);
    REQUIRE(dual);
    CHECK(std::isnan(evaluate(*dual, {2, 1, 0.5L, 1}).value));
    CHECK_FALSE(std::isnan(evaluate(*dual, {1, 1, 0.5L, 1}).value));
}

namespace {

// Fifty layers K' = s E[phi phi] + bias, T' = s E[phi' phi'] T + K', in 50 digits from the textbook formulas and by duals.
struct Layer {
    Exact A, B, c;
    Exact tangent = 0;
};

void step_relu(Layer& l, double s, double bias) {
    const Exact product = sqrt(l.A * l.B), pi = boost::math::constants::pi<Exact>();
    Exact rho = l.c / product;
    rho = rho > 1 ? Exact(1) : rho < -1 ? Exact(-1) : rho;
    const Exact theta = acos(rho);
    l.c = s * product / (2 * pi) * (sqrt(1 - rho * rho) + rho * (pi - theta)) + bias;
    l.tangent = s * (pi - theta) / (2 * pi) * l.tangent + l.c;
    l.A = s * l.A / 2 + bias;
    l.B = s * l.B / 2 + bias;
}

void step_erf(Layer& l, double s, double bias) {
    const Exact pi = boost::math::constants::pi<Exact>();
    const Exact product = (1 + 2 * l.A) * (1 + 2 * l.B);
    const Exact slope = 4 / pi / sqrt(product - 4 * l.c * l.c);
    l.c = s * 2 / pi * asin(2 * l.c / sqrt(product)) + bias;
    l.tangent = s * slope * l.tangent + l.c;
    l.A = s * 2 / pi * asin(2 * l.A / (1 + 2 * l.A)) + bias;
    l.B = s * 2 / pi * asin(2 * l.B / (1 + 2 * l.B)) + bias;
}

struct Deep {
    double A, B, minus, plus, tangent;
};

void step(Deep& l, const gaussian::Dual<double>& dual, double s, double bias) {
    const auto evaluate_at = [&](double A, double B, double minus, double plus) {
        return evaluate(dual, A, B, minus, plus);
    };
    const Numbers cross = evaluate_at(l.A, l.B, l.minus, l.plus);
    const double c = s * cross.value + bias;
    l.tangent = s * cross.slope * l.tangent + c;
    const double A = s * evaluate_at(l.A, l.A, 0, 4 * l.A).value, B = s * evaluate_at(l.B, l.B, 0, 4 * l.B).value;
    l.A = A + bias;
    l.B = B + bias;
    // the bias moves the scale at which a and b have equal variances
    const double k = std::sqrt(std::sqrt(l.A)) / std::sqrt(std::sqrt(l.B));
    const auto apart = [&](double a, double b) {
        return (std::sqrt(a) / k - k * std::sqrt(b)) * (std::sqrt(a) / k - k * std::sqrt(b));
    };
    l.minus = s * cross.minus + apart(A, B) + apart(bias, bias);
    l.plus = s * cross.plus + apart(A, B) + apart(bias, bias) + 4 * bias;
}

} // namespace

TEST_CASE("fifty layers against fifty digits") {
    Table t;
    const auto relu = t.activation(t.call(Function::relu, t.z)), erf = t.activation(t.call(Function::erf, t.z));
    const auto relu_dual = gaussian::make_dual<double>(relu, relu, {10, 0}, {}, nullptr);
    const auto erf_dual = gaussian::make_dual<double>(erf, erf, {10, 0}, {}, nullptr);
    REQUIRE(relu_dual);
    REQUIRE(erf_dual);
    const int which = GENERATE(0, 1, 2); // relu, erf, both in turn
    const double bias = GENERATE(0.0, 0.05);
    const int sign = GENERATE(1, -1);
    const double difference = GENERATE(1e-3, 1e-6, 1e-9, 0.0);
    // Samples x and +-(x + e) with |x| = 1: A = 1, B = (1 + 0.6 d)^2 + (0.8 d)^2.
    const Exact d = difference, A = 1, B = (1 + 0.6 * d) * (1 + 0.6 * d) + 0.64 * d * d, c = sign * (1 + 0.6 * d);
    Layer exact{A, B, c, c};
    const Exact root = sqrt(A * B);
    Deep deep{1, static_cast<double>(B), static_cast<double>(Exact(2 * (root - c))),
              static_cast<double>(Exact(2 * (root + c))), static_cast<double>(c)};
    Layer self{A, A, A, A};
    for (int l = 0; l < 50; ++l) {
        const bool use_relu = which == 0 || (which == 2 && l % 2 == 1);
        (use_relu ? step_relu : step_erf)(exact, 2, bias);
        (use_relu ? step_relu : step_erf)(self, 2, bias);
        step(deep, use_relu ? *relu_dual : *erf_dual, 2, bias);
    }
    CAPTURE(which, bias, sign, difference);
    const double scale = static_cast<double>(self.tangent);
    CHECK(std::abs(deep.tangent - static_cast<double>(exact.tangent)) <= 1e-12 * scale);
    const double gap = static_cast<double>(Exact(2 * (sqrt(exact.A * exact.B) - exact.c)));
    CHECK(std::abs(deep.minus - gap) <= 1e-12 * std::sqrt(gap * deep.A));
}

TEST_CASE("tabulated Hermite coefficients are those of each variance") {
    Table t;
    const ir::ExprId z = t.z;
    for (const ir::ExprId phi : {t.call(Function::tanh, z), t.call(Function::gelu, z), t.call(Function::sin, z)}) {
        std::string reason;
        const auto function = gaussian::analyse(t.activation(phi), &reason);
        REQUIRE(function);
        const gaussian::HermiteRule rule(40, 400, 14);
        const gaussian::CoefficientTable table(40, [&](double variance) { return rule(*function, variance, 0); });
        for (const double variance : {1e-6, 0.03, 0.5, 0.99999, 1.0, 1.7, 1.999999, 2.0, 5.3}) {
            const gaussian::HermiteCoefficients exact = rule(*function, variance, 0);
            const gaussian::HermiteCoefficients found = table(variance);
            CHECK((exact.values - found.values).cwiseAbs().maxCoeff() < 1e-13 * std::sqrt(exact.value_norm));
            CHECK((exact.slopes - found.slopes).cwiseAbs().maxCoeff() < 1e-13 * std::sqrt(exact.slope_norm));
            CHECK(found.value_norm == Approx(exact.value_norm).epsilon(1e-12));
        }
    }
}
