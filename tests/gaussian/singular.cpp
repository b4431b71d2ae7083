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
    const Numbers same = at(*logarithm, 1, 1, 1);
    CHECK(same.value == Approx(1.63715598991842).epsilon(1e-8));
    CHECK(same.slope == std::numeric_limits<double>::infinity());
    CHECK(at(*logarithm, 1, 1, 0.5).value == Approx(0.54053327868627).epsilon(1e-8));
    // too fast a wave for the panels, but bounded
    const auto wave = t.call(Function::sin, t.call(Function::exp, t.call(Function::mul, t.number(4), z)));
    try {
        prepared(wave);
    } catch (const std::domain_error& error) {
        CHECK(dynamic_cast<const gaussian::NoExpectation*>(&error) == nullptr);
    }
}
