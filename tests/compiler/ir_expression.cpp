#include "compiler/ir/expression.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace tpc::ir;

namespace {

ExprId variable(ExprTable& table, unsigned k) {
    Node node;
    node.op = Op::variable;
    node.type = Type::vector;
    node.target = k;
    return table.add(node);
}

double value(const ExprTable& table, ExprId id, const std::vector<double>& variables) {
    const Node& node = table[id];
    if (node.op == Op::number)
        return node.number;
    if (node.op == Op::variable)
        return variables[node.target];
    std::vector<double> arguments;
    for (ExprId child : node.children)
        arguments.push_back(value(table, child, variables));
    return evaluate(node.function, arguments);
}

} // namespace

TEST_CASE("expressions are uniqued, spans included") {
    ExprTable table;
    const ExprId x = variable(table, 0);
    CHECK(variable(table, 0) == x);
    const ExprId a = table.apply(Function::tanh, x, {0, 1, 2});
    const ExprId b = table.apply(Function::tanh, x, {0, 3, 4});
    CHECK(a != b);
    CHECK(same(table, table.apply(Function::add, {a, b}), table.apply(Function::add, {b, a})));
    CHECK_FALSE(same(table, a, table.apply(Function::sin, x)));
    CHECK(table[a].type == Type::vector);
}

TEST_CASE("apply folds what keeps the value and the type") {
    ExprTable table;
    const ExprId x = variable(table, 0);
    const ExprId zero = table.number(0);
    const ExprId one = table.number(1);
    CHECK(table[table.apply(Function::sqrt, table.number(2))].number == std::sqrt(2.0));
    CHECK(table.apply(Function::add, {x, zero}) == x);
    CHECK(table.apply(Function::mul, {one, x}) == x);
    CHECK(table.apply(Function::pow, {x, one}) == x);
    CHECK(table.apply(Function::neg, table.apply(Function::sub, {zero, x})) == x);
    CHECK(table[table.apply(Function::mul, {zero, x})].type == Type::vector);
    CHECK(table[table.apply(Function::div, {one, zero})].op == Op::apply);
    CHECK(table[table.apply(Function::log, table.number(-1))].op == Op::apply);
}

TEST_CASE("functions are accurate in their tails") {
    const auto f = [](Function function, double x, double y = 0) {
        const double arguments[] = {x, y};
        return evaluate(function, arguments);
    };
    CHECK(f(Function::softplus, 1000) == 1000);
    CHECK(f(Function::softplus, -100) == Approx(std::exp(-100)).epsilon(1e-14));
    CHECK(f(Function::sigmoid, -1000) == 0);
    CHECK(f(Function::sigmoid, -50) == Approx(std::exp(-50)).epsilon(1e-14));
    CHECK(f(Function::silu, -1000) == 0);
    CHECK(f(Function::elu, -1e-20) == -1e-20);
    CHECK(f(Function::gelu, -10) == Approx(-7.619853024160527e-23).epsilon(1e-12));
    CHECK(f(Function::step, 0) == 0.5);
    CHECK(f(Function::sign, 0) == 0);
    CHECK(f(Function::leaky_relu, -2, 0.1) == Approx(-0.2));
}

TEST_CASE("derivatives agree with differences away from kinks") {
    ExprTable table;
    const ExprId x = variable(table, 0);
    const ExprId y = variable(table, 1);
    const auto check = [&](ExprId e) {
        const double h = 1e-5;
        for (const auto& point : std::vector<std::vector<double>>{{0.7, 0.3}, {1.6, 0.4}, {0.2, 1.9}})
            for (unsigned k = 0; k < 2; ++k) {
                auto left = point;
                auto right = point;
                left[k] -= h;
                right[k] += h;
                const double difference = (value(table, e, right) - value(table, e, left)) / (2 * h);
                CHECK(value(table, derivative(table, e, k), point) == Approx(difference).margin(1e-8).epsilon(1e-8));
            }
    };
    for (int f = 0; f <= static_cast<int>(Function::min); ++f) {
        const auto function = static_cast<Function>(f);
        const bool binary = function == Function::add || function == Function::sub || function == Function::mul ||
                            function == Function::div || function == Function::pow || function == Function::max ||
                            function == Function::min;
        INFO(name_of(function));
        if (function == Function::leaky_relu)
            check(table.apply(function, {table.apply(Function::sub, {x, y}), table.number(0.1)}));
        else if (binary)
            check(table.apply(function, {x, y}));
        else
            for (const Function sign : {Function::sub, Function::add}) // both sides of the kinks
                if (sign == Function::add || (function != Function::log && function != Function::sqrt))
                    check(table.apply(function, table.apply(sign, {table.apply(Function::square, x), y})));
    }
}

TEST_CASE("derivatives at kinks are the mean of the one-sided ones") {
    ExprTable table;
    const ExprId x = variable(table, 0);
    const auto slope = [&](ExprId e, double at) { return value(table, derivative(table, e, 0), {at}); };
    const auto of = [&](Function f) { return table.apply(f, x); };
    CHECK(slope(of(Function::relu), 0) == 0.5);
    CHECK(slope(of(Function::abs), 0) == 0);
    CHECK(slope(of(Function::elu), 0) == 1);
    CHECK(slope(of(Function::hardtanh), 1) == 0.5);
    CHECK(slope(of(Function::hardtanh), -1) == 0.5);
    CHECK(slope(table.apply(Function::leaky_relu, {x, table.number(0.2)}), 0) == Approx(0.6));
    CHECK(slope(table.apply(Function::max, {x, table.number(1)}), 1) == 0.5);
    const ExprId jump = derivative(table, of(Function::step), 0);
    CHECK((table[jump].op == Op::number && table[jump].number == 0));
}

TEST_CASE("sums are differentiated term by term, other reductions refused") {
    ExprTable table;
    Node node;
    node.op = Op::reduce;
    node.ranges.push_back({static_cast<Symbol>(0), 1, 3});
    node.children.push_back(table.apply(Function::square, variable(table, 0)));
    node.type = Type::vector;
    const Node& sum = table[derivative(table, table.add(node), 0)];
    CHECK((sum.op == Op::reduce && sum.reduction == Reduction::sum));
    node.reduction = Reduction::prod;
    const ExprId product = table.add(node);
    CHECK_THROWS_AS(derivative(table, product, 0), std::invalid_argument);
    CHECK(table[derivative(table, product, 1)].number == 0);
}

TEST_CASE("rewriting replaces nodes and symbols, and keeps what it does not touch") {
    ExprTable table;
    constexpr auto i = static_cast<Symbol>(0);
    constexpr auto j = static_cast<Symbol>(1);
    Node read;
    read.op = Op::read;
    read.type = Type::vector;
    read.access.indices.push_back(Affine::of(i) - 1);
    const ExprId x = table.add(read);
    const ExprId e = table.apply(Function::add, {table.apply(Function::tanh, x), table.number(2)});
    CHECK(rewrite(table, e, nullptr) == e);
    const ExprId moved = rewrite(table, e, nullptr, [&](Symbol) { return Affine::of(j) + 1; });
    read.access.indices[0] = Affine::of(j);
    CHECK(moved == table.apply(Function::add, {table.apply(Function::tanh, table.add(read)), table.number(2)}));
    const ExprId zeroed =
        rewrite(table, e, [&](ExprId id) { return id == x ? std::optional(table.number(0)) : std::nullopt; });
    CHECK(table[zeroed].number == 2);
}
