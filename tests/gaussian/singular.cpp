// Functions that are singular somewhere, against integrals on panels graded towards the singularity; what does not exist.
#include "tests/gaussian/support.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace tpc;
using namespace tpc::test;
using ir::Function;

std::unique_ptr<gaussian::Dual<double>> dual(const Table& t, ir::ExprId phi) {
    return gaussian::make_dual<double>(t.activation(phi), t.activation(phi), {4, 0}, {1e-8}, nullptr);
}

Numbers at(const gaussian::Dual<double>& dual, double A, double B, double covariance) {
    const double norm = std::sqrt(A * B);
    return evaluate(dual, A, B, 2 * (norm - covariance), 2 * (norm + covariance));
}

} // namespace

TEST_CASE("functions with singularities have their kernels") {
    Table t;
    const auto z = t.z, square = t.call(Function::square, z), absolute = t.call(Function::abs, z);
    const auto inverse = t.call(Function::div, t.number(1), z);
    struct Known {
        const char* name;
        ir::ExprId phi;
        double value[3], slope[3]; // at A, B, covariance 1, 1, 0.5; 1, 0.25, -0.4; 2, 2, 1.98
    };
    const std::vector<Known> all{
        {"tanh(1/z)",
         t.call(Function::tanh, inverse),
         {0.17090187116044467, -0.41358793814031, 0.51263434068009},
         {0.0592396061132909, 0.045291255588896, 0.07600577409827}},
        {"|z|^0.9",
         t.call(Function::pow, absolute, t.number(0.9)),
         {0.69768421087413, 0.43381171347555, 1.72729158747381},
         {0.27068126915896, -0.52606678473824, 0.75625437172417}},
        {"relu(z)^0.7",
         t.call(Function::pow, t.call(Function::relu, z), t.number(0.7)),
         {0.273249304347898, 0.013494652477062, 0.67680302445297},
         {0.25034974687200, 0.16356662704303, 0.32012085025080}},
        {"exp(-1/z^2)",
         t.call(Function::exp, t.call(Function::div, t.number(-1), square)),
         {0.07470586298633, 0.03272623591125, 0.23932370669121},
         {0.06590467691770, -0.08962061807668, 0.18207583449048}},
        {"z^2 log(z^2)",
         t.call(Function::mul, square, t.call(Function::log, square)),
         {2.07135880023857, 0.14581856502445, 57.1934843198351},
         {6.33510954088925, -1.75279511824330, 53.6189268922940}},
    };
    for (const Known& known : all) {
        INFO(known.name);
        const auto found = dual(t, known.phi);
        REQUIRE(found);
        const double places[3][3] = {{1, 1, 0.5}, {1, 0.25, -0.4}, {2, 2, 1.98}};
        for (int k = 0; k < 3; ++k) {
            const Numbers got = at(*found, places[k][0], places[k][1], places[k][2]);
            CHECK(got.value == Approx(known.value[k]).epsilon(3e-9));
            CHECK(got.slope == Approx(known.slope[k]).epsilon(3e-9));
        }
    }
}

TEST_CASE("roots of squares are absolute values") {
    Table t;
    const auto z = t.z;
    const auto root_of_square = [&](ir::ExprId u) { return t.call(Function::sqrt, t.call(Function::square, u)); };
    const auto shifted = t.call(Function::sub, z, t.number(0.3));
    const auto wave = t.call(Function::sin, t.call(Function::mul, t.number(3), z));
    for (const auto u : {z, shifted, wave, t.call(Function::mul, z, z)}) {
        const auto one = dual(t, root_of_square(u)), other = dual(t, t.call(Function::abs, u));
        REQUIRE((one && other));
        for (const double covariance : {0.5, -0.9, 1.0}) {
            const Numbers a = at(*one, 1, 1, covariance), b = at(*other, 1, 1, covariance);
            CHECK(a.value == Approx(b.value).margin(3e-9));
            CHECK(a.slope == Approx(b.slope).margin(3e-9 * std::abs(at(*other, 1, 1, 1).slope)));
        }
    }
}

TEST_CASE("second moments that are infinite are told from those that are not found") {
    Table t;
    const auto z = t.z;
    const auto prepared = [&](ir::ExprId phi) { return at(*dual(t, phi), 1, 1, 0.5); };
    CHECK_THROWS_AS(prepared(t.call(Function::div, t.number(1), z)), gaussian::NoExpectation);
    CHECK_THROWS_AS(dual(t, t.call(Function::exp, t.call(Function::square, z))), gaussian::NoExpectation);
    CHECK_THROWS_AS(dual(t, t.call(Function::log, z)), gaussian::NoExpectation);
    // E[log^2 |z|] exists, E[1 / z^2] does not
    const auto logarithm = dual(t, t.call(Function::log, t.call(Function::abs, z)));
    CHECK_THROWS_AS(at(*logarithm, 1, 1, 1), gaussian::NoExpectation);
    CHECK(at(*logarithm, 1, 1, 0.5).value == Approx(0.54053327868627).epsilon(1e-8));
    // too fast a wave for the panels, but bounded
    const auto wave = t.call(Function::sin, t.call(Function::exp, t.call(Function::mul, t.number(4), z)));
    try {
        prepared(wave);
    } catch (const std::domain_error& error) {
        CHECK(dynamic_cast<const gaussian::NoExpectation*>(&error) == nullptr);
    }
}

TEST_CASE("derivatives that are singular away from 0 are told from those that are not found") {
    Table t;
    const auto circle = t.call(Function::sub, t.number(1), t.call(Function::square, t.z));
    const auto half = dual(t, t.call(Function::sqrt, t.call(Function::relu, circle)));
    const auto wave = dual(t, t.call(Function::sqrt, t.call(Function::abs, t.call(Function::sin, t.z))));
    const auto pole = t.call(Function::sqrt, t.call(Function::abs, circle));
    for (const auto* one : {half.get(), wave.get()})
        CHECK_THROWS_AS(at(*one, 1, 1, 1), gaussian::NoExpectation);
    CHECK_THROWS_AS(at(*dual(t, t.call(Function::div, t.number(1), pole)), 1, 1, 0.5), gaussian::NoExpectation);
}

TEST_CASE("numbers that pass beyond the exponents of double precision on their way keep their digits") {
    Table t;
    const auto tail = t.call(Function::erfc, t.z);
    const auto bell = t.call(Function::exp, t.call(Function::neg, t.call(Function::square, t.z)));
    // forty digits, by Hermite coefficients
    const Numbers logarithm = at(*dual(t, t.call(Function::log, tail)), 1, 1, 0.5);
    CHECK(logarithm.value == Approx(1.524751224132558).epsilon(1e-9));
    CHECK(logarithm.slope == Approx(2.68386929637671).epsilon(1e-9));
    const Numbers ratio = at(*dual(t, t.call(Function::div, bell, tail)), 4, 4, -1);
    CHECK(ratio.value == Approx(2.353471352923808).epsilon(1e-9));
    CHECK(ratio.slope == Approx(0.804366327006585).epsilon(1e-9));
    // exp(100 z) is too large for z > 7.1, its quotient by 1 + exp(100 z) is 1
    const auto steep = t.call(Function::mul, t.number(100), t.z);
    const auto sum = t.call(Function::add, t.number(1), t.call(Function::exp, steep));
    const Numbers got = at(*dual(t, t.call(Function::log, sum)), 0.45, 3, 0.8);
    const Numbers wanted = at(*dual(t, t.call(Function::softplus, steep)), 0.45, 3, 0.8);
    CHECK(got.value == Approx(wanted.value).epsilon(1e-9));
    CHECK(got.slope == Approx(wanted.slope).epsilon(1e-9));
}

TEST_CASE("quotients that are signs have the kernels of sign") {
    Table t;
    const auto absolute = t.call(Function::abs, t.z), square = t.call(Function::square, t.z);
    const auto cube = t.call(Function::mul, square, t.z);
    const auto plain = dual(t, t.call(Function::sign, t.z));
    for (const auto phi : {t.call(Function::div, t.z, absolute), t.call(Function::div, absolute, t.z),
                           t.call(Function::div, t.z, t.call(Function::sqrt, square)),
                           t.call(Function::div, cube, t.call(Function::abs, cube)),
                           t.call(Function::div, cube, t.call(Function::mul, square, absolute))}) {
        const auto one = dual(t, phi);
        REQUIRE(one);
        for (const double covariance : {0.5, -0.9, 1.0}) {
            const Numbers got = at(*one, 1, 1, covariance), wanted = at(*plain, 1, 1, covariance);
            CHECK(got.value == Approx(wanted.value).margin(3e-9));
            CHECK(got.slope == 0);
        }
    }
}
