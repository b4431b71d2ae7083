#include "tests/gaussian/support.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numbers>

namespace {

using namespace tpc;
using namespace tpc::test;
using ir::Function;

Long density(Long x) {
    return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(Long(-1)));
}
Long cdf(Long x) {
    return std::erfc(-x / std::sqrt(Long(2))) / 2;
}
Long unit(Long x) {
    return x > 0 ? 1 : x < 0 ? 0 : Long(0.5);
}

std::vector<Case> cases(Table& t) {
    const auto z = t.z;
    const Long two_over_root_pi = 2 / std::sqrt(std::acos(Long(-1)));
    return {
        {"z", z, [](Long x) { return x; }, [](Long) { return Long(1); }, {}},
        {"relu", t.call(Function::relu, z), [](Long x) { return std::max(x, Long(0)); }, unit, {0}},
        {"2 abs(z) - step(z) + z/3 + 1",
         t.call(
             Function::add,
             t.call(Function::sub, t.call(Function::mul, t.number(2), t.call(Function::abs, z)), t.call(Function::step, z)),
             t.call(Function::add, t.call(Function::div, z, t.number(3)), t.number(1))),
         [](Long x) { return 2 * std::abs(x) - unit(x) + x / 3 + 1; },
         [](Long x) { return 2 * (2 * unit(x) - 1) + Long(1) / 3; },
         {0}},
        {"erf",
         t.call(Function::erf, z),
         [](Long x) { return std::erf(x); },
         [=](Long x) { return two_over_root_pi * std::exp(-x * x); },
         {0}},
        {"gelu",
         t.call(Function::gelu, z),
         [](Long x) { return x * cdf(x); },
         [](Long x) { return cdf(x) + x * density(x); },
         {0}},
        {"sin", t.call(Function::sin, z), [](Long x) { return std::sin(x); }, [](Long x) { return std::cos(x); }, {}},
        {"elu",
         t.call(Function::elu, z),
         [](Long x) { return x > 0 ? x : std::expm1(x); },
         [](Long x) { return x > 0 ? 1 : std::exp(x); },
         {0}},
        {"hardtanh",
         t.call(Function::hardtanh, z),
         [](Long x) { return std::clamp(x, Long(-1), Long(1)); },
         [](Long x) { return Long(std::abs(x) < 1); },
         {-1, 1}},
        {"z^2 exp(-z^2)",
         t.call(Function::mul, t.call(Function::square, z),
                t.call(Function::exp, t.call(Function::neg, t.call(Function::square, z)))),
         [](Long x) { return x * x * std::exp(-x * x); },
         [](Long x) { return (2 * x - 2 * x * x * x) * std::exp(-x * x); },
         {0}},
        {"square(relu)",
         t.call(Function::square, t.call(Function::relu, z)),
         [](Long x) { return x > 0 ? x * x : 0; },
         [](Long x) { return x > 0 ? 2 * x : 0; },
         {0}},
        {"tanh",
         t.call(Function::tanh, z),
         [](Long x) { return std::tanh(x); },
         [](Long x) { return 1 - std::tanh(x) * std::tanh(x); },
         {}},
        {"silu(z + 1/2)",
         t.call(Function::silu, t.call(Function::add, z, t.number(0.5))),
         [](Long x) { return (x + 0.5L) / (1 + std::exp(-x - 0.5L)); },
         [](Long x) {
             const Long s = 1 / (1 + std::exp(-x - 0.5L));
             return s + (x + 0.5L) * s * (1 - s);
         },
         {}},
    };
}

Numbers reference(const Case& phi, const Case& psi, const Place& place) {
    const Moments moments = expectation(place, phi.kinks, psi.kinks, [&](Long a, Long b) {
        const Long f = phi.value(a), g = psi.value(b);
        return Moments{{f * g, (f - g) * (f - g), (f + g) * (f + g), phi.slope(a) * psi.slope(b), f * f, g * g}};
    });
    const Long apart = std::pow(std::sqrt(moments.at[4]) - std::sqrt(moments.at[5]), 2);
    const auto gap = [&](Long square) { return static_cast<double>(std::max(square - apart, Long(0))); };
    return {static_cast<double>(moments.at[0]), gap(moments.at[1]), gap(moments.at[2]), static_cast<double>(moments.at[3])};
}

void compare(const Case& phi, const Case& psi, const Place& place, const Numbers& got, double tolerance) {
    INFO(phi.name << " . " << psi.name << " at A " << place.A << ", B " << place.B << ", 1 - |rho| " << place.gap
                  << ", sign " << place.sign << ", means " << place.mean_a << ", " << place.mean_b);
    const Numbers expected = reference(phi, psi, place);
    const double scale = expected.minus + expected.plus;
    const auto check = [](const char* name, double number, double wanted, double margin) {
        INFO(name << " is off by " << number - wanted << ", allowed " << margin);
        CHECK(std::abs(number - wanted) <= margin);
    };
    const Place self_a{place.A, place.A, 0, 1, place.mean_a, place.mean_a},
        self_b{place.B, place.B, 0, 1, place.mean_b, place.mean_b};
    const double slope_scale = std::sqrt(reference(phi, phi, self_a).slope * reference(psi, psi, self_b).slope);
    check("value", got.value, expected.value, tolerance * scale);
    check("slope", got.slope, expected.slope, tolerance * slope_scale);
    // What a kink after this layer notices is the gap's error relative to its root.
    const double floor = &phi == &psi ? 0 : 1e-15 * scale;
    check("minus", got.minus, expected.minus, tolerance * std::sqrt(expected.minus * scale) + floor + 1e-30 * scale);
    check("plus", got.plus, expected.plus, tolerance * std::sqrt(expected.plus * scale) + floor + 1e-30 * scale);
}

} // namespace

TEST_CASE("duals agree with quadrature") {
    Table table;
    const std::vector<Case> all = cases(table);
    const std::vector<Place> places{
        {1, 1, 0.5L, 1},     {0.3L, 4, 1, 1},         {1e-6L, 1e-3L, 0.2L, -1},
        {2, 2, 0, 1},        {1.5L, 1.5L, 1e-12L, 1}, {2, 2 + 1e-5L, 1e-10L, 1},
        {1.7L, 1.7L, 0, -1}, {0.8L, 0.8L, 1e-9L, -1}, {1e-6L, 1e-6L, 1e-8L, 1},
    };
    gaussian::Regime regime{4.1, 0};
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::string reason;
        const auto dual = gaussian::make_dual<double>(table.activation(all[i].expression),
                                                      table.activation(all[i].expression), regime, {}, &reason);
        INFO(reason);
        REQUIRE(dual);
        for (const Place& place : places)
            compare(all[i], all[i], place, evaluate(*dual, place), 3e-12);
        // Another function on the right.
        const std::size_t j = (i + 1) % all.size();
        const auto mixed = gaussian::make_dual<double>(table.activation(all[i].expression),
                                                       table.activation(all[j].expression), regime, {}, &reason);
        REQUIRE(mixed);
        compare(all[i], all[j], places[1], evaluate(*mixed, places[1]), 3e-12);
        compare(all[i], all[j], Place{2, 1, 0.1L, -1}, evaluate(*mixed, Place{2, 1, 0.1L, -1}), 3e-12);
    }
}

// sign(z)^2 is 1 but at 0.
TEST_CASE("the value of a function at one point is no part of its mean") {
    Table table;
    const auto squared = [&](ir::ExprId sign) { return table.call(ir::Function::mul, sign, sign); };
    const ir::ExprId one = squared(table.call(ir::Function::sign, table.z));
    const ir::ExprId scaled =
        squared(table.call(ir::Function::sign, table.call(ir::Function::mul, table.number(0.1), table.z)));
    const double variances[2] = {0.8, 1e-4};
    double means[2];
    for (const ir::ExprId function : {one, scaled, table.call(ir::Function::mul, one, table.number(1.5))}) {
        REQUIRE(gaussian::expectation<double>(table.activation(function), 2, variances, nullptr, means, 1e-12, nullptr));
        for (const double mean : means)
            CHECK(mean == Approx(function == one || function == scaled ? 1 : 1.5).epsilon(1e-13));
    }
}

TEST_CASE("duals with means agree with quadrature") {
    Table table;
    const std::vector<Case> all = cases(table);
    const std::vector<Place> places{{1, 0.7L, 0.4L, 1, 0.3L, -0.2L},
                                    {1.2L, 1.2L, 1e-10L, 1, 0.5L, 0.5L},
                                    {1.2L, 1.2L, 0, 1, 0.5L, 0.5L},
                                    {0.9L, 1.1L, 0.05L, -1, 0.4L, 0.6L}};
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto activation = table.activation(all[i].expression);
        const auto dual = gaussian::make_dual<double>(activation, activation, {1.3, 0.7}, {}, nullptr);
        REQUIRE(dual);
        for (const Place& place : places)
            compare(all[i], all[i], place, evaluate(*dual, place), 3e-12);
        const double variances[2] = {0.8, 1e-4}, means[2] = {0.3, -0.2};
        double first[2];
        REQUIRE(gaussian::expectation<double>(activation, 2, variances, means, first, 1e-12, nullptr));
        for (std::size_t k = 0; k < 2; ++k) {
            const Place place{variances[k], 1, 1, 1, means[k], 0};
            const double expected =
                static_cast<double>(expectation(place, all[i].kinks, {}, [&](Long a, Long) { return all[i].value(a); }));
            INFO("mean of " << all[i].name);
            CHECK(first[k] == Approx(expected).epsilon(1e-11).margin(1e-12));
        }
    }
}

TEST_CASE("duals at large and tiny variances") {
    Table table;
    const std::vector<Case> all = cases(table);
    for (std::size_t i = 0; i < 10; ++i) { // closed forms
        if (all[i].name == "sin" || all[i].name == "elu")
            continue;
        const auto activation = table.activation(all[i].expression);
        const auto dual = gaussian::make_dual<double>(activation, activation, {1e3, 0}, {}, nullptr);
        REQUIRE(dual);
        for (const Place& place : {Place{1e3L, 900, 0.3L, 1}, Place{1e3L, 1e-6L, 0.1L, -1}, Place{1e3L, 1e3L, 1e-9L, 1}})
            compare(all[i], all[i], place, evaluate(*dual, place), 3e-11);
        // phi(z) - phi(0) is of the order of z: nothing may be lost to the constants of the closed form.
        const Place tiny{1e-14L, 2e-14L, 0.3L, 1};
        if (all[i].value(0) == 0)
            compare(all[i], all[i], tiny, evaluate(*dual, tiny), 1e-11);
    }
}

TEST_CASE("zero variance, equal and opposite samples") {
    Table table;
    for (const Case& phi : cases(table)) {
        INFO(phi.name);
        const auto activation = table.activation(phi.expression);
        const auto dual = gaussian::make_dual<double>(activation, activation, {3, 0}, {}, nullptr);
        REQUIRE(dual);
        const Numbers none = evaluate(*dual, {0, 0, 1, 1});
        const double at_zero = static_cast<double>(phi.value(0)), slope = static_cast<double>(phi.slope(0));
        CHECK(none.value == at_zero * at_zero);
        CHECK(none.minus == 0);
        CHECK(none.slope == Approx(slope * slope).margin(1e-15));
        const Place one{0, 2, 1, 1}; // E[phi'(0) phi'(b)]
        const Numbers half = evaluate(*dual, one);
        const double mean =
            static_cast<double>(expectation({2, 1, 1, 1}, phi.kinks, {}, [&](Long a, Long) { return phi.value(a); }));
        const double mean_slope =
            static_cast<double>(expectation({2, 1, 1, 1}, phi.kinks, {}, [&](Long a, Long) { return phi.slope(a); }));
        CHECK(half.value == Approx(at_zero * mean).margin(1e-14));
        CHECK(half.slope == Approx(slope * mean_slope).margin(1e-14));

        const Numbers self = evaluate(*dual, {1.3L, 1.3L, 0, 1});
        CHECK(self.minus == 0);
        CHECK(self.plus == Approx(4 * self.value));
        const double A = 1.3, minus = 0, plus = 5.2 * (1 + 1e-15); // the data may give plus another last digit
        std::vector<double> features(dual->features());
        dual->prepare(0, 1, &A, nullptr, features.data(), 1);
        double value = 0, gap = 1, got_slope = 0;
        dual->evaluate({1, {&A, 1}, {&A, 1}, {}, {}, {&minus, 1}, {&plus, 1}}, {{features.data(), 1}, 1},
                       {{features.data(), 1}, 1}, {&value, &gap, nullptr, &got_slope});
        CHECK(value == self.value);
        CHECK(gap == 0);
        CHECK(got_slope == self.slope);
    }
}

TEST_CASE("single precision agrees with double") {
    Table table;
    for (const Case& phi : cases(table)) {
        INFO(phi.name);
        const auto activation = table.activation(phi.expression);
        const auto exact = gaussian::make_dual<double>(activation, activation, {3, 0}, {}, nullptr);
        const auto dual = gaussian::make_dual<float>(activation, activation, {3, 0}, {1e-6}, nullptr);
        REQUIRE(dual);
        for (const Place& place :
             {Place{1, 1, 0.3L, 1}, Place{2, 1, 0.01L, 1}, Place{2, 2, 1e-8L, 1}, Place{1.5L, 1.5L, 1e-4L, -1}}) {
            const Numbers wanted = evaluate(*exact, place), got = evaluate(*dual, place);
            const double scale = wanted.minus + wanted.plus;
            CHECK(got.value == Approx(wanted.value).margin(1e-6 * scale));
            CHECK(got.minus == Approx(wanted.minus).margin(2e-6 * std::sqrt(wanted.minus * scale)));
            CHECK(got.plus == Approx(wanted.plus).margin(2e-6 * std::sqrt(wanted.plus * scale)));
            CHECK(got.slope == Approx(wanted.slope).margin(2e-6 * (1 + scale)));
        }
    }
}
