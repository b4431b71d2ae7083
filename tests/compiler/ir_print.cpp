#include "compiler/ir/print.hpp"

#include <catch2/catch.hpp>

using namespace tpc::ir;

namespace {

// The recurrent network of language.md section 1.
struct Rnn {
    Program p;
    Symbol T = p.fresh("T", true);
    Symbol d = p.fresh("d", true);
    Symbol t = p.fresh("t", false);

    ExprId node(Op op, Type type, std::uint32_t target, std::vector<Affine> indices = {},
                std::vector<ExprId> children = {}) {
        Node n;
        n.op = op;
        n.type = type;
        n.target = target;
        n.access.indices.assign(indices.begin(), indices.end());
        n.children.assign(children.begin(), children.end());
        return p.exprs.add(n);
    }
    ExprId s(const Affine& index) { return node(Op::read, Type::vector, 0, {index}); }
    ExprId number(double value) { return p.exprs.number(value); }
    ExprId apply(Function f, std::vector<ExprId> arguments) { return p.exprs.apply(f, arguments); }
    ExprId inner(ExprId a, ExprId b) { return node(Op::moment, Type::scalar, 0, {}, {a, b}); }
    std::string text(ExprId e) const { return print(PrintNames{.program = &p}, e); }

    Rnn() {
        p.name = "rnn";
        p.inputs.push_back({"xi", {Affine::of(T), Affine::of(d)}, {}});
        const auto add = [&](const char* name, ParameterKind kind, double scale) {
            p.parameters.push_back({name, kind, {}, number(0), number(scale), number(1), std::nullopt, {}});
        };
        add("W", ParameterKind::matrix, 1);
        add("U", ParameterKind::input_matrix, 1.44);
        p.parameters.back().reads = Affine::of(d);
        add("b", ParameterKind::vector, 0.01);
        add("v", ParameterKind::vector, 1);
        p.families.push_back({"s", Type::vector, 1, {}, 0});
        const Affine now = Affine::of(t);
        const ExprId ws = node(Op::matmul, Type::vector, 0, {}, {s(now - 1)});
        const ExprId ux = node(Op::matmul, Type::vector, 1, {}, {node(Op::input_row, Type::finite, 0, {now})});
        const ExprId sum = apply(Function::add, {apply(Function::add, {ws, ux}), node(Op::parameter, Type::vector, 2)});
        const Range range{t, 1, Affine::of(T)};
        p.statements.push_back({0, {Affine(0)}, number(0), {}, {}, {}});
        p.statements.push_back({0, {now}, apply(Function::tanh, {sum}), {{range}, {}}, {}, {}});
        p.outputs.push_back({"", {}, readout(1), {}});
    }
    ExprId readout(int power) {
        const ExprId moment = inner(node(Op::parameter, Type::vector, 3), s(Affine::of(T)));
        return apply(Function::mul, {moment, node(Op::width_power, Type::scalar, static_cast<std::uint32_t>(power))});
    }
};

} // namespace

TEST_CASE("a program prints one line a declaration and a statement") {
    Rnn rnn;
    CHECK(print(rnn.p) == "program rnn\n"
                          "input xi : R[T, d]\n"
                          "matrix W ~ N(0, 1/n)                                    rate 1\n"
                          "matrix U ~ N(0, 1.44/d)                                 rate 1\n"
                          "vector b ~ N(0, 0.01)                                   rate 1\n"
                          "vector v ~ N(0, 1)                                      rate 1\n"
                          "s[0] = 0\n"
                          "s[t] = tanh(W @ s[t-1] + U @ xi[t] + b)                 t in 1..T\n"
                          "output v' @ s[T] / sqrt(n)\n");
    rnn.p.sizes[rnn.T] = 8;
    CHECK(print(rnn.p).find("program rnn\nsizes T = 8\ninput") == 0);
}

TEST_CASE("expressions print with as few parentheses as the grammar allows") {
    Rnn r;
    const ExprId x = r.s(Affine(1));
    const ExprId y = r.s(Affine(2));
    const ExprId two = r.number(2);
    const auto f = [&](Function function, ExprId a, ExprId b) { return r.apply(function, {a, b}); };
    CHECK(r.text(f(Function::mul, f(Function::add, x, y), two)) == "(s[1] + s[2]) * 2");
    CHECK(r.text(f(Function::sub, x, f(Function::sub, y, two))) == "s[1] - (s[2] - 2)");
    CHECK(r.text(f(Function::div, x, f(Function::mul, y, two))) == "s[1] / (s[2] * 2)");
    CHECK(r.text(f(Function::pow, r.apply(Function::neg, {x}), two)) == "(-s[1])^2");
    CHECK(r.text(r.apply(Function::neg, {f(Function::pow, x, two)})) == "-s[1]^2");
    CHECK(r.text(f(Function::pow, f(Function::pow, x, two), r.number(-1))) == "(s[1]^2)^-1");
    CHECK(r.text(r.apply(Function::neg, {f(Function::mul, x, y)})) == "-(s[1] * s[2])");
    CHECK(r.text(f(Function::mul, r.inner(x, y), x)) == "s[1]' @ s[2] / n * s[1]");
    CHECK(r.text(f(Function::mul, x, r.inner(f(Function::add, x, y), y))) == "s[1] * ((s[1] + s[2])' @ s[2] / n)");
    CHECK(r.text(r.node(Op::matmul, Type::vector, 0, {}, {f(Function::mul, x, y)})) == "W @ (s[1] * s[2])");
    CHECK(r.text(f(Function::mul, two, r.readout(1))) == "2 * v' @ s[T] / sqrt(n)");
    CHECK(r.text(r.readout(2)) == "v' @ s[T]");
    CHECK(r.text(r.readout(3)) == "v' @ s[T] * sqrt(n)");
    CHECK(r.text(r.number(1e-6)) == "1e-06");
    CHECK(r.text(r.apply(Function::pow, {r.number(0.1), two})) == "0.01");
    CHECK(r.text(r.number(2.0 / 9)) == "0.2222222222222222");
}

TEST_CASE("affine expressions, ranges, conditions and modes") {
    Rnn r;
    const Symbol a = r.p.fresh("a", false);
    const PrintNames names{.program = &r.p};
    const Affine T = Affine::of(r.T);
    const Affine t = Affine::of(r.t);
    CHECK(print(names, T - t + 1) == "T-t+1");
    CHECK(print(names, Affine::of(a) - t) == "a-t");
    CHECK(print(names, 1 - t) == "1-t");
    CHECK(print(names, -t - 1) == "-t-1");
    CHECK(print(names, divide(T + 1, 2)) == "(T+1)/2");
    CHECK(print(names, 2 * t + Affine::of(a) - 1) == "2*t+a-1");
    CHECK(print(names, Condition{t - 1, Relation::zero}) == "t == 1");
    CHECK(print(names, Condition{T - t - 1, Relation::non_negative}) == "t <= T-1");
    CHECK(print(names, Condition{t - 2, Relation::non_zero}) == "t != 2");
    CHECK(print(PrintNames{.program = &r.p, .primed = true}, Range{r.t, 1, T}) == "t_ in 1..T_");

    Node node;
    node.op = Op::reduce;
    node.type = Type::vector;
    node.ranges.push_back({a, -1, 1});
    Node read = r.p.exprs[r.s(t + Affine::of(a))];
    read.access.mode = IndexMode::zero;
    node.children.push_back(r.p.exprs.add(read));
    CHECK(r.text(r.p.exprs.add(node)) == "sum(a in -1..1: s[t+a | zero])");

    const Symbol hidden = r.p.fresh("t", false); // an inner t that hides the outer one
    CHECK(print(names, Affine::of(hidden) + t) == "t+t_2");
}
