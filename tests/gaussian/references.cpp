// Dual kernels against references of fifty digits (reference.txt, made by reference.py), and Price's theorem.
#include "tests/gaussian/support.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>
#include <sstream>

namespace {

using namespace tpc;
using namespace tpc::test;
using ir::Function;

ir::ExprId function(Table& t, const std::string& name) {
    const auto z = t.z, square = t.call(Function::square, z);
    if (name == "relu2")
        return t.call(Function::square, t.call(Function::relu, z));
    if (name == "bump")
        return t.call(Function::mul, square, t.call(Function::exp, t.call(Function::neg, square)));
    if (name == "cube")
        return t.call(Function::pow, z, t.number(3));
    const std::map<std::string, Function> known{
        {"relu", Function::relu}, {"abs", Function::abs},   {"step", Function::step}, {"hardtanh", Function::hardtanh},
        {"elu", Function::elu},   {"erf", Function::erf},   {"gelu", Function::gelu}, {"sin", Function::sin},
        {"tanh", Function::tanh}, {"silu", Function::silu},
    };
    return t.call(known.at(name), z);
}

struct Reference {
    std::string name;
    Place place;
    Numbers numbers;
    double slope_scale = 0; // sqrt(E[f'(a)^2] E[f'(b)^2])
};

std::vector<Reference> references() {
    std::ifstream file(TPC_SOURCE_DIR "/tests/gaussian/reference.txt");
    REQUIRE(file);
    std::vector<Reference> list;
    for (std::string line; std::getline(file, line);) {
        Reference r;
        std::istringstream words(line);
        words >> r.name >> r.place.A >> r.place.B >> r.place.sign >> r.place.gap >> r.place.mean_a >> r.place.mean_b;
        words >> r.numbers.value >> r.numbers.minus >> r.numbers.plus >> r.numbers.slope >> r.slope_scale;
        REQUIRE(words);
        list.push_back(r);
    }
    return list;
}

std::string describe(const std::string& name, const Place& p) {
    std::ostringstream text;
    text << name << " at A " << p.A << ", B " << p.B << ", 1 - |rho| " << p.gap << ", sign " << p.sign << ", means "
         << p.mean_a << ", " << p.mean_b;
    return text.str();
}

std::unique_ptr<gaussian::Dual<double>> dual_at(Table& table, const std::string& name, const Place& p) {
    const auto activation = table.activation(function(table, name));
    const gaussian::Regime regime{static_cast<double>(std::max(p.A, p.B)),
                                  static_cast<double>(std::max(std::abs(p.mean_a), std::abs(p.mean_b)))};
    std::string reason;
    auto dual = gaussian::make_dual<double>(activation, activation, regime, {}, &reason);
    INFO(describe(name, p) << ": " << reason);
    REQUIRE(dual);
    return dual;
}

} // namespace

TEST_CASE("duals agree with fifty digits") {
    Table table;
    const std::vector<Reference> all = references();
    CHECK(all.size() > 200);
    for (const Reference& r : all) {
        const auto dual = dual_at(table, r.name, r.place);
        const Numbers got = evaluate(*dual, r.place), &wanted = r.numbers;
        const double scale = wanted.minus + wanted.plus;
        // Far from where a function is not 0, closed forms give way to quadrature.
        const bool closed = r.place.mean_a == 0 && !dual->method().starts_with("quadrature");
        const double tolerance = closed ? 1e-10 : 2e-9;
        // Of samples that differ in length the gap comes from sums that cancel.
        const double floor = (r.place.A == r.place.B ? 1e-30 : 1e-13) * scale;
        INFO(describe(r.name, r.place) << ", by " << dual->method());
        const auto close = [&](const char* what, double number, double exact, double margin) {
            INFO(what << " is off by " << number - exact << ", allowed " << margin);
            CHECK(std::abs(number - exact) <= margin);
        };
        close("value", got.value, wanted.value, tolerance * scale);
        close("slope", got.slope, wanted.slope, tolerance * r.slope_scale);
        // What a kink after this layer notices is the gap's error relative to its root.
        close("minus", got.minus, wanted.minus, tolerance * std::sqrt(wanted.minus * scale) + floor);
        close("plus", got.plus, wanted.plus, tolerance * std::sqrt(wanted.plus * scale) + floor);
    }
}

TEST_CASE("Price's theorem: the slope is the derivative of the value by the covariance") {
    Table table;
    for (const std::string name :
         {"relu", "abs", "relu2", "hardtanh", "elu", "erf", "gelu", "sin", "bump", "cube", "tanh", "silu"})
        for (const Place& place : {Place{1, 1, 0.4L, 1}, Place{1.5L, 0.7L, 0.2L, -1},
                                   Place{0.8L, 1.1L, 0.5L, 1, 0.3L, -0.4L}, Place{1e-3L, 2e-3L, 0.6L, 1}}) {
            const auto dual = dual_at(table, name, place);
            // fourth order in a step of the correlation
            const auto at = [&](int steps) {
                Place moved = place;
                moved.gap -= static_cast<Long>(place.sign * steps) * 4e-3L;
                return evaluate(*dual, moved).value;
            };
            const double covariance = 4e-3 * static_cast<double>(place.product());
            const double derivative = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * covariance);
            const Numbers self = evaluate(*dual, {place.A, place.A, 0, 1, place.mean_a, place.mean_a});
            INFO(describe(name, place));
            CHECK(evaluate(*dual, place).slope == Approx(derivative).margin(1e-7 * (self.slope + 1)));
        }
}
