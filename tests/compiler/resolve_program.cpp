// Well-formed programs and what they resolve to, by the print of the stage.
#include "compiler/ir/print.hpp"
#include "tests/compiler/resolve_support.hpp"

#include <catch2/catch.hpp>

using namespace tpc;
using testing::resolve_text;

namespace {

// A program with an input, two matrices and a readout, and the given statements.
std::string with(const std::string& body) {
    return "program test(L: int = 3)\n"
           "input xi : R[T, d]\n"
           "matrix U ~ N(0, 1/d); matrix W ~ N(0, 1/n); vector v ~ N(0, 1); vector w ~ N(0, 1)\n" +
           body;
}

std::string printed(const testing::Resolved& made) {
    INFO(source::render(made.diagnostics, made.files));
    REQUIRE(made.program.has_value());
    return ir::print(*made.program);
}

void check_lines(const testing::Resolved& made, const std::vector<std::string>& lines) {
    const auto text = printed(made);
    INFO(text);
    for (const auto& line : lines) {
        CHECK(("\n" + text).find("\n" + line) != std::string::npos);
    }
}

const ir::Node& scale_of(const ir::Program& program, std::size_t parameter) {
    return program.exprs[program.parameters[parameter].scale];
}

} // namespace

TEST_CASE("powers of n normalise", "[resolve]") {
    const std::vector<std::string> same = {
        "v' @ x / sqrt(n)",         "1 / sqrt(n) * v' @ x",         "n^-0.5 * (v' @ x)",
        "(v / sqrt(n))' @ x",       "sqrt(n) * (v' @ x / n)",       "v' @ (x / n^(1/2))",
        "v' @ x / n^0.25 / n^0.25", "n^(1/6) * (v' @ x) / n^(2/3)", "v' @ x / sqrt(sqrt(n)) * n^-0.1 / n^0.15"};
    for (const auto& form : same) {
        check_lines(resolve_text(with("x = relu(U @ xi[1])\noutput " + form + "\n")), {"output v' @ x / sqrt(n)"});
    }
    check_lines(resolve_text(with("x = relu(U @ xi[1])\ny = W @ x\ne = 1/n * (x' @ y)\nf = (x' @ W @ y) / n\n"
                                  "output v' @ (e * f * x) / sqrt(n*T) - w' @ x / sqrt(n)\n")),
                {"e = x' @ y / n", "f = x' @ W @ y / n"});
    // a name may stand for an output expression, and a sum may mix powers
    check_lines(resolve_text(with("x = U @ xi[1]\nf = v' @ x / sqrt(n)\noutput 2 * f + avg(x)\n")),
                {"f = v' @ x / sqrt(n)"});
}

TEST_CASE("a power of n belongs to the inner product, not to its coefficient", "[resolve]") {
    const auto output_of = [](const std::string& expression) {
        const auto made =
            resolve_text(with("vector b ~ N(0, 1)\nfn dot(p, q) = p' @ q\nx = relu(U @ xi[1])\ny = relu(W @ x + b)\n"
                              "output " +
                              expression + "\n"));
        const auto text = printed(made);
        return text.substr(text.rfind("output"));
    };
    const std::string factored = "output (1 + avg(x^2)) * v' @ x / sqrt(n)\n";
    CHECK(output_of("(1 + avg(x^2)) * v' @ x / sqrt(n)") == factored);
    CHECK(output_of("(1 + avg(x^2)) / sqrt(n) * v' @ x") == factored);
    CHECK(output_of("sqrt(n) * ((1 + avg(x^2)) * (v' @ x / n))") == factored);
    CHECK(output_of("v' @ x / (sqrt(n) * (1 + avg(x^2)))") == "output v' @ x / sqrt(n) / (1 + avg(x^2))\n");
    CHECK(output_of("v' @ x / sqrt(n) / (1 + avg(x^2)) * (2 + avg(y))") ==
          "output v' @ x / sqrt(n) / (1 + avg(x^2)) * (2 + avg(y))\n");
    CHECK(output_of("(avg(x) + x' @ y / n) * (v' @ x - w' @ y) / sqrt(n)") ==
          "output (avg(x) + x' @ y / n) * (v' @ x / sqrt(n) - w' @ y / sqrt(n))\n");
    CHECK(output_of("(b' @ b / n + b' @ y / n) * (v' @ x + w' @ y) / sqrt(n)") ==
          "output (b' @ b / n + b' @ y / n) * (v' @ x / sqrt(n) + w' @ y / sqrt(n))\n");
    CHECK(output_of("(dot(x, x) / n + dot(x, y) / n) * (dot(v, x) + dot(w, y)) / sqrt(n)") ==
          "output (x' @ x / n + x' @ y / n) * (v' @ x / sqrt(n) + w' @ y / sqrt(n))\n");
    // readouts are of order one each, and so are their products
    CHECK(output_of("v' @ x * (w' @ y) / n") == "output v' @ x / sqrt(n) * (w' @ y / sqrt(n))\n");
    CHECK(output_of("(v' @ x)^2 / n") == "output (v' @ x / sqrt(n))^2\n");
    CHECK(output_of("sqrt(square(v' @ x) / n)") == "output sqrt(square(v' @ x / sqrt(n)))\n");
}

TEST_CASE("variances become scales: n or d times variance, simplified", "[resolve]") {
    const std::string body = "\nmatrix A[l in 1..2] ~ N(0, 2/(3*n)) rate 5\nmatrix B ~ N(0, 1/n * 0.5)\n"
                             "matrix C ~ N(0, 4/(9*2*p))\nfrozen vector u ~ N(1, T)\n"
                             "x = C @ xi[1]\ny = B @ (A[1] @ x + A[2] @ u)\noutput v' @ y / sqrt(n)\n";
    const auto text = "program test(p: int)\ninput xi : R[T, 2*p]\nvector v ~ N(0, 3)" + body;
    const auto unit = resolve_text(text), variance = resolve_text(text, {}, resolve::Rates::variance);
    REQUIRE(unit.program);
    REQUIRE(variance.program);
    CHECK(scale_of(*unit.program, 0).number == 3);
    CHECK(scale_of(*unit.program, 1).number == Approx(2.0 / 3));
    CHECK(scale_of(*unit.program, 2).number == 0.5);
    CHECK(scale_of(*unit.program, 3).number == Approx(4.0 / 9)); // 2p * 4 / (9 * 2p)
    CHECK(unit.program->parameters[3].kind == ir::ParameterKind::input_matrix);
    CHECK(unit.program->parameters[2].kind == ir::ParameterKind::matrix);
    CHECK(scale_of(*unit.program, 4).op == ir::Op::affine);
    const auto rate = [](const ir::Program& program, std::size_t k) {
        return program.exprs[program.parameters[k].rate].number;
    };
    CHECK(rate(*unit.program, 0) == 1);
    CHECK(rate(*variance.program, 0) == 3);
    CHECK(rate(*variance.program, 1) == 5);
    CHECK(rate(*variance.program, 3) == Approx(4.0 / 9));
    CHECK(rate(*variance.program, 4) == 0);
}

TEST_CASE("locals of a loop, branches and triangular ranges", "[resolve]") {
    check_lines(resolve_text(with("for t in 1..T {\n u = U @ xi[t]\n"
                                  " if t == 1 { x[t] = u } else if t < T { x[t] = W @ u } else { x[t] = 2 * u }\n"
                                  " for r in 1..t { e[t,r] = where(t == r, 1, x[t]' @ x[r] / n) } }\n"
                                  "if L == 3 { y = x[T] } else { y = W' @ x[T] / (L - 3) }\n"
                                  "output v' @ (e[T,1] * y) / sqrt(n)\n")),
                {"u[t] = U @ xi[t] ", "x[t] = W @ u[t] ", "y = x[T]\n"});
    const auto made =
        resolve_text(with("x[1] = U @ xi[1]\nfor t in 2..T, r in 1..t-1 { x[t] = x[r] }\noutput v' @ x[T] / sqrt(n)\n"));
    REQUIRE(made.program);
    CHECK(made.program->statements[1].domain.ranges.size() == 2);
    REQUIRE(made.program->body.size() == 2);
    const auto& outer = std::get<ir::Loop>(made.program->body[1].node);
    CHECK(outer.range == made.program->statements[1].domain.ranges[0]);
    CHECK(std::get<ir::Loop>(outer.body[0].node).range == made.program->statements[1].domain.ranges[1]);
}

TEST_CASE("functions are replaced by their bodies and share their arguments", "[resolve]") {
    const auto made = resolve_text(with("fn twice(f, M, z) = f(M @ z) * f(M @ z)\nfn half(z) = z / 2\n"
                                        "output v' @ twice(half, W, relu(U @ xi[1])) / sqrt(n)\n"));
    check_lines(made, {"output v' @ (W @ relu(U @ xi[1]) / 2 * (W @ relu(U @ xi[1]) / 2)) / sqrt(n)"});
    unsigned relus = 0;
    for (std::size_t k = 0; k < made.program->exprs.size(); ++k) {
        const auto& node = made.program->exprs[static_cast<ir::ExprId>(k)];
        relus += node.op == ir::Op::apply && node.function == ir::Function::relu ? 1 : 0;
    }
    CHECK(relus == 1);
}

TEST_CASE("program parameters and -D values", "[resolve]") {
    const std::string text = "program test(L: int, s = sqrt(2), t = 2 * s, phi = tanh, q: int = 2 * L)\ninput xi : R[T, d]\n"
                             "matrix U[l in 1..L] ~ N(0, s^2/d)\nvector v ~ N(0, t)\nfn own(z) = z * z\n"
                             "output v' @ sum(l in 1..L: phi(U[l] @ xi[l])) / q / sqrt(n)\n";
    const auto made = resolve_text(text, {{"L", "2"}, {"s", "sqrt(3) + 1"}, {"phi", "own"}, {"T", "8"}});
    check_lines(made, {"output v' @ sum(l in 1..2: U[l] @ xi[l] * U[l] @ xi[l])"});
    CHECK(scale_of(*made.program, 1).number == Approx(2 * (std::sqrt(3.0) + 1)));
    REQUIRE(made.program->sizes.size() == 1);
    CHECK(made.program->sizes.begin()->second == 8);
    const auto id = [&](const std::map<std::string, std::string>& defines) {
        const auto wrong = resolve_text(text, defines);
        return wrong.diagnostics.list.empty() ? "" : std::string(source::name_of(wrong.diagnostics.list[0].id));
    };
    CHECK(id({}) == "missing_value");
    CHECK(id({{"L", "2.5"}}) == "bad_define");
    CHECK(id({{"L", "2"}, {"s", "tanh"}}) == "bad_define");
    CHECK(id({{"L", "2"}, {"phi", "leaky_relu"}}) == "bad_define");
    CHECK(id({{"L", "2"}, {"phi", "3"}}) == "bad_define");
    CHECK(id({{"L", "2"}, {"T", "0"}}) == "bad_define");
    CHECK(id({{"L", "2"}, {"M", "1"}}) == "unknown_define");
}

TEST_CASE("blocks own parameters; their locals are families of each call", "[resolve]") {
    const auto made = resolve_text(with("block inner(s = 1; x) { matrix A ~ N(0, s/n)\n return A @ x }\n"
                                        "block outer(x) { use inner(s = 4) as f[k in 1..2]\n vector b ~ N(0, 1)\n"
                                        " h[1] = f[1](x)\n h[2] = f[2](h[1]) + b\n"
                                        " if L == 3 { return h[2] } else { return x } }\n"
                                        "use outer as r[l in 1..L]\n"
                                        "x[0] = U @ xi[1]\nfor l in 1..L { x[l] = relu(r[l](x[l-1])) }\n"
                                        "output v' @ sum(t in 1..T: r[1](U @ xi[t])) / sqrt(n)\n"));
    check_lines(made, {"matrix r.f.A[l in 1..3, k in 1..2] ~ N(0, 4/n)", "vector r.b[l in 1..3] ~ N(0, 1)",
                       "r.h[l,2] = r.f.A[l,2] @ r.h[l,1] + r.b[l]", "x[l] = relu(r[l])",
                       "r_2.h[t,1] = r.f.A[1,1] @ U @ xi[t]", "output v' @ sum(t in 1..T: r_2[t]) / sqrt(n)"});
    // the loop around the block's statements and the sum that reads them have symbols of their own
    const auto& output = made.program->exprs[made.program->outputs[0].value];
    CHECK(output.op == ir::Op::apply);
}

TEST_CASE("warnings: hidden names and values that no output depends on", "[resolve]") {
    const auto made = resolve_text(with("gelu = W @ U @ xi[1]\n"
                                        "for t in 1..T { x[t] = sum(t in 1..T: U @ xi[t]) }\n"
                                        "output v' @ x[T] / sqrt(n)\n"));
    CHECK(made.program.has_value());
    CHECK(made.places() == std::vector<std::string>{"4:1 hides_builtin", "5:28 hides_index", "4:1 unused_value",
                                                    "3:30 unused_value", "3:72 unused_value"});
}
