// Functions without a closed form or a convergent series: quadrature split at their kinks.
#include "tests/gaussian/support.hpp"

#include <catch2/catch.hpp>

#include <cmath>

namespace {

using namespace tpc;
using namespace tpc::test;
using ir::Function;

std::vector<Case> cases(Table& t) {
    const auto z = t.z;
    const auto tanh = t.call(Function::tanh, z);
    return {
        {"relu(tanh)",
         t.call(Function::relu, tanh),
         [](Long x) { return std::max(std::tanh(x), Long(0)); },
         [](Long x) { return x > 0 ? 1 - std::tanh(x) * std::tanh(x) : 0; },
         {0}},
        {"abs(tanh - 0.3)",
         t.call(Function::abs, t.call(Function::sub, tanh, t.number(0.3))),
         [](Long x) { return std::abs(std::tanh(x) - Long(0.3)); },
         [](Long x) {
             const Long y = std::tanh(x);
             return (y > Long(0.3) ? 1 : -1) * (1 - y * y);
         },
         {std::atanh(Long(0.3))}},
        {"max(sin(3 z), z / 2)",
         t.call(Function::max, t.call(Function::sin, t.call(Function::mul, t.number(3), z)),
                t.call(Function::div, z, t.number(2))),
         [](Long x) { return std::max(std::sin(3 * x), x / 2); },
         [](Long x) { return std::sin(3 * x) > x / 2 ? 3 * std::cos(3 * x) : Long(0.5); },
         {0, 0.8929277028241497556877L, -0.8929277028241497556877L}},
        {"silu(z) step(z - 1)",
         t.call(Function::mul, t.call(Function::silu, z), t.call(Function::step, t.call(Function::sub, z, t.number(1)))),
         [](Long x) { return x > 1 ? x / (1 + std::exp(-x)) : 0; },
         [](Long x) {
             const Long s = 1 / (1 + std::exp(-x));
             return x > 1 ? s + x * s * (1 - s) : 0;
         },
         {1}},
        {"elu",
         t.call(Function::elu, z),
         [](Long x) { return x > 0 ? x : std::expm1(x); },
         [](Long x) { return x > 0 ? 1 : std::exp(x); },
         {0}},
    };
}

struct Wanted : Numbers {
    double squares = 0; // E[phi^2] + E[psi^2]
};

Wanted reference(const Case& phi, const Case& psi, const Place& place) {
    const Moments moments = expectation(place, phi.kinks, psi.kinks, [&](Long a, Long b) {
        const Long f = phi.value(a), g = psi.value(b);
        return Moments{{f * g, (f - g) * (f - g), (f + g) * (f + g), phi.slope(a) * psi.slope(b), f * f, g * g}};
    });
    const Long apart = std::pow(std::sqrt(moments.at[4]) - std::sqrt(moments.at[5]), 2);
    const auto gap = [&](Long square) { return static_cast<double>(std::max(square - apart, Long(0))); };
    return {{static_cast<double>(moments.at[0]), gap(moments.at[1]), gap(moments.at[2]), static_cast<double>(moments.at[3])},
            static_cast<double>(moments.at[4] + moments.at[5])};
}

} // namespace

TEST_CASE("quadrature split at kinks") {
    Table table;
    const std::vector<Case> all = cases(table);
    struct Law {
        Place place;
        gaussian::Regime regime;
    };
    const std::vector<Law> laws{
        {{1, 0.7L, 0.4L, 1}, {1, 0}},
        {{1, 0.7L, 0.01L, -1, 0.3L, -0.2L}, {1, 0.3}},
        {{1.5L, 1.5L, 1e-4L, 1, 0.2L, 0.2L}, {2, 0.3}},
        {{1.5L, 1.5L, 1e-12L, 1}, {2, 0}},
        {{0.8L, 0.8L, 1e-9L, -1}, {1, 0}},
        {{1e-6L, 1e-3L, 0.02L, -1}, {1e-3, 0}},
        {{1e-6L, 1e-6L, 1e-8L, 1, 0.3L, 0.3L}, {1e-6, 0.3}},
        {{9, 4, 0.05L, 1}, {9, 0}},
    };
    for (std::size_t i = 0; i < all.size(); ++i)
        for (const bool mixed : {false, true})
            for (const Law& law : laws) {
                const Case& phi = all[i];
                const Case& psi = mixed ? all[(i + 1) % all.size()] : phi;
                if (mixed && law.place.gap < 1e-10L)
                    continue;
                const Place& p = law.place;
                INFO(phi.name << " . " << psi.name << " at A " << p.A << ", B " << p.B << ", 1 - |rho| " << p.gap
                              << ", sign " << p.sign << ", means " << p.mean_a << ", " << p.mean_b);
                std::string reason;
                const auto dual = gaussian::make_dual<double>(table.activation(phi.expression),
                                                              table.activation(psi.expression), law.regime, {}, &reason);
                INFO(reason);
                REQUIRE(dual);
                const Numbers got = evaluate(*dual, p);
                const Wanted wanted = reference(phi, psi, p);
                const double scale = wanted.minus + wanted.plus;
                const auto self = [&](const Case& f, Long variance, Long mean) {
                    return reference(f, f, {variance, variance, 0, 1, mean, mean}).slope;
                };
                CHECK(std::abs(got.value - wanted.value) <= 2e-9 * scale + 1e-15 * wanted.squares);
                CHECK(std::abs(got.slope - wanted.slope) <=
                      2e-9 * std::sqrt(self(phi, p.A, p.mean_a) * self(psi, p.B, p.mean_b)) + 1e-15);
                CHECK(std::abs(got.minus - wanted.minus) <=
                      2e-9 * std::sqrt(wanted.minus * scale) + 1e-9 * wanted.squares * mixed);
                CHECK(std::abs(got.plus - wanted.plus) <=
                      2e-9 * std::sqrt(wanted.plus * scale) + 1e-9 * wanted.squares * mixed);
            }
}

TEST_CASE("quadrature at large variances") {
    Table t;
    const auto tanh = t.activation(t.call(Function::tanh, t.z));
    const auto dual_of_tanh = gaussian::make_dual<double>(tanh, tanh, {1e3, 0}, {}, nullptr);
    REQUIRE(dual_of_tanh);
    for (const Long gap : {0.5L, 0.05L, 1e-3L, 1e-6L}) {
        const Place place{1e3L, 900, gap, 1};
        const double wanted =
            static_cast<double>(expectation(place, {0}, {0}, [](Long a, Long b) { return std::tanh(a) * std::tanh(b); }));
        CHECK(evaluate(*dual_of_tanh, place).value == Approx(wanted).epsilon(1e-8));
    }
    // towards sign, with an error of the order of 1 / deviation
    const auto far = gaussian::make_dual<double>(tanh, tanh, {1e12, 0}, {}, nullptr);
    REQUIRE(far);
    for (const Long gap : {0.5L, 0.05L, 1e-3L}) {
        const double wanted = 2 / std::acos(-1.0) * std::asin(static_cast<double>(1 - gap));
        CHECK(evaluate(*far, Place{1e12L, 1e12L, gap, 1}).value == Approx(wanted).epsilon(1e-5));
    }
    const auto elu = t.activation(t.call(Function::elu, t.z));
    const auto dual = gaussian::make_dual<double>(elu, elu, {1e3, 0}, {}, nullptr);
    REQUIRE(dual);
    const Place place{900, 400, 0.2L, 1};
    const std::function<Long(Long)> value = [](Long x) { return x > 0 ? x : std::expm1(x); };
    const double wanted =
        static_cast<double>(expectation(place, {0}, {0}, [&](Long a, Long b) { return value(a) * value(b); }));
    CHECK(evaluate(*dual, place).value == Approx(wanted).epsilon(1e-8));
}
