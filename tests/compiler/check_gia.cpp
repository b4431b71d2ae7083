#include "check_program.hpp"
#include "compiler/check/summary.hpp"

#include "compiler/ir/print.hpp"

#include <catch2/catch.hpp>

using namespace tpc;
using test::check_text;

namespace {

// Lines 1 to 6 of every program below.
const std::string head = "program p(L: int = 3)\n"
                         "input xi : R[T, d]\n"
                         "matrix U ~ N(0, 1/d); matrix W ~ N(0, 1/n); matrix V[l in 1..4] ~ N(0, 1/n)\n"
                         "vector v ~ N(0, 1); vector u[l in 1..4] ~ N(0, 1); vector w ~ N(0.5, 1)\n"
                         "scalar c ~ N(0, 1)\n"
                         "for t in 1..T { x[t] = relu(U @ xi[t]) }\n";

std::string reasons(const std::string& body) {
    return check_text(head + body).reasons();
}

// The terms of the outputs: "ranges: coefficient * v[member] . vector".
std::string terms(const std::string& body) {
    const test::Checked checked = check_text(head + body);
    CHECK(checked.reasons() == "");
    CHECK(checked.verdict.holds);
    const ir::PrintNames names{&checked.program};
    std::string text;
    for (const auto& output : checked.verdict.terms)
        for (const check::OutputTerm& term : output) {
            for (const ir::Range& range : term.ranges)
                text += ir::print(names, range) + ": ";
            text += ir::print(names, term.coefficient);
            if (term.kind != check::OutputTerm::Kind::constant)
                text += " | " + checked.program.parameters[term.parameter].name;
            for (const ir::Affine& index : term.member.indices)
                text += "." + ir::print(names, index);
            if (term.kind == check::OutputTerm::Kind::readout)
                text += " | " + ir::print(names, term.vector);
            text += "\n";
        }
    return text;
}

} // namespace

TEST_CASE("outputs decompose into readouts, scalars and constants") {
    CHECK(terms("output 3 * v' @ x[1] / sqrt(n) - u[2]' @ x[T] / sqrt(n) + 2 * c + 1") ==
          "3 | v | x[1]\n-1 | u.2 | x[T]\n2 | c\n1\n");
    CHECK(terms("output x[1]' @ v / sqrt(n)") == "1 | v | x[1]\n");
    CHECK(terms("output mean(t in 1..T: v' @ x[t]) / sqrt(n)") == "t in 1..T: 1 / T | v | x[t]\n");
    CHECK(terms("output mean(t in 1..T, r in 1..t: v' @ x[r] / sqrt(n))") ==
          "t in 1..T: r in 1..t: 1 / sum(t in 1..T, r in 1..t: 1) | v | x[r]\n");
    CHECK(terms("output (2 * v + u[1] / 3)' @ x[1] / sqrt(n)") == "2 | v | x[1]\n0.3333333333333333 | u.1 | x[1]\n");
    CHECK(terms("output v' @ x[1] / sqrt(n) + avg(x[2])") == "1 | v | x[1]\navg(x[2])\n");
    CHECK(terms("output c * avg(x[2]) + 1") == "avg(x[2]) | c\n1\n");
    CHECK(terms("output avg(x[2]) * v' @ x[1] / sqrt(n)") == "avg(x[2]) | v | x[1]\n");
    CHECK(terms("output 2 * avg(v) * sqrt(n) - v' @ 3 / sqrt(n)") == "2 | v | 1\n-3 | v | 1\n");
    CHECK(terms("output avg(x[2]) * (v' @ 1) / sqrt(n)") == "avg(x[2]) | v | 1\n");
    CHECK(terms("output -sum(t in 1..T: exp(avg(x[t])) * v' @ x[t]) / sqrt(n * T)") ==
          "t in 1..T: -1 / sqrt(T) * exp(avg(x[t])) | v | x[t]\n");
}

TEST_CASE("names may stand for output expressions") {
    CHECK(terms("for t in 1..T { f[t] = v' @ x[t] / sqrt(n) }\noutput sum(s in 1..T: xi[s,1] * f[T+1-s]) + f[1]") ==
          "s in 1..T: xi[s,1] | v | x[T-s+1]\n1 | v | x[1]\n");
    CHECK(terms("f[1] = c\nfor t in 2..T { f[t] = v' @ x[t] / sqrt(n) }\noutput sum(t in 1..T: f[t])") ==
          "t in 1..1: 1 | c\nt in 2..T: 1 | v | x[t]\n");
    CHECK(terms("for t in 1..T/2 { f[t] = v' @ x[t] / sqrt(n) }\noutput sum(s in 1..T/2: f[T/2+1-s])") ==
          "s in 1..T/2: 1 | v | x[(T-2*s+2)/2]\n");
    CHECK(terms("y = 1 + avg(x[1])\noutput y * v' @ x[1] / sqrt(n)") == "y | v | x[1]\n");
}

TEST_CASE("names may be defined by recursion, or read under index modes: weights stand before their terms") {
    CHECK(terms("f[1] = c\nfor t in 2..T { f[t] = xi[t,1] * f[t-1] + v' @ x[t] / sqrt(n) }\noutput 3 * f[T]") ==
          "3 * f_from_f[T] | c\nt in 2..T: 3 * f_from_f2[T,t] | v | x[t]\n");
    CHECK(terms("for t in 1..T { f[t] = v' @ x[t] / sqrt(n) }\noutput mean(t in 1..T: f[t-1 | wrap])") ==
          "t in 1..T: sum(t in 1..T: 1 / T * f_from_f[t-1,t_2 | wrap]) | v | x[t]\n");
    // The first turn apart: its conditions are ranges.
    CHECK(terms("for t in 1..T { if t == 1 { f[t] = v' @ x[1] / sqrt(n) } else { f[t] = c - f[t-1] } }\noutput f[T]") ==
          "t in 1..1: f_from_f[T,t] | v | x[1]\nt in 2..T: f_from_f2[T,t] | c\n");
    // Whether there is a third turn depends on the data.
    CHECK(terms("for t in 1..T { if t == 3 { f[t] = u[t]' @ x[t] / sqrt(n) } else if t > 1 { f[t] = f[t-1] } "
                "else { f[t] = c } }\noutput f[T]") ==
          "t in 3..T: f_from_f[T,t] | u.t | f_part[t]\nt in 1..1: f_from_f2[T,t] | c\n");
    // Powers of n belong to whole recursions.
    CHECK(terms("f[0] = 0\nfor t in 1..T { f[t] = f[t-1] + v' @ x[t] / n }\noutput sqrt(n) * f[T]") ==
          "t in 1..T: f_from_f[T,t] | v | x[t]\n");
    CHECK(reasons("f[0] = c\nfor t in 1..T { f[t] = sqrt(n) * f[t-1] }\noutput f[T]") == "8 gia_diverging_output");
    CHECK(reasons("f[0] = c\nfor t in 1..T { f[t] = f[t-1]^2 }\noutput f[T]") == "8 gia_nonlinear_output");
    CHECK(reasons("f[0] = c\nfor t in 1..T { f[t] = c * f[t-1] }\noutput f[T]") == "8 gia_random_coefficient");
    CHECK(reasons("f[0] = c\nfor t in 1..T { f[t] = f[t-1] + x[t]' @ x[t] / sqrt(n) }\noutput f[T]") ==
          "8 gia_not_a_readout");
    CHECK(reasons("f[0] = 0\nfor t in 1..T { f[t] = f[t-1] + v' @ (x[t] + v) / sqrt(n) }\noutput f[T]") ==
          "8 gia_readout_reused");
}

TEST_CASE("names may stand for combinations of readout vectors") {
    CHECK(terms("a = 2 * v - u[1]\noutput a' @ x[1] / sqrt(n)") == "2 | v | x[1]\n-1 | u.1 | x[1]\n");
    CHECK(
        terms(
            "for l in 1..4 { a[l] = u[5-l] / l }\nb = mean(l in 1..4: a[l])\noutput f[l in 1..4] = a[l]' @ x[1] / sqrt(n)\n"
            "output g = x[1]' @ b / sqrt(n)") == "1 / l | u.5-l | x[1]\nl in 1..4: 1 / l * 0.25 | u.5-l | x[1]\n");
    CHECK(reasons("a = v\ny = relu(x[1] + a)\noutput a' @ y / sqrt(n)") == "7 gia_readout_reused");
    CHECK(reasons("a = v + 1\noutput a' @ x[1] / sqrt(n)") == "8 gia_not_a_readout");
    CHECK(reasons("a = w\noutput a' @ x[1] / sqrt(n)") == "7 gia_readout_mean");
    std::string doubled = "a0 = v\n"; // 2^99 terms
    for (int k = 1; k < 100; ++k)
        doubled += "a" + std::to_string(k) + " = a" + std::to_string(k - 1) + " + a" + std::to_string(k - 1) + "\n";
    CHECK(terms(doubled + "output a99' @ x[1] / sqrt(n)") == "a99_from_a0 | v | x[1]\n");
    CHECK(reasons(doubled + "output a3' @ x[1] / sqrt(n)") == "");
}

TEST_CASE("readout vectors may be defined by recursion") {
    CHECK(terms("a[0] = 0\nfor t in 1..4 { a[t] = xi[1,1] * a[t-1] - 2 * u[t] }\noutput x[1]' @ a[4] / sqrt(n)") ==
          "t in 1..4: a_from_a[4,t] * -2 | u.t | x[1]\n");
    // inside sums, to whose indices the other side belongs
    CHECK(terms("a[1] = v\nfor l in 2..3 { a[l] = sum(k in 1..2: k * a[l-1]) }\n"
                "output sum(t in 1..T, k in 2..3: (t * a[k])' @ x[t]) / sqrt(n)") ==
          "t in 1..T: k in 2..3: t * a_from_a[k] | v | x[t]\n");
    CHECK(reasons("a[1] = v\nfor l in 2..3 { a[l] = a[l-1] + x[1] }\noutput a[3]' @ x[1] / sqrt(n)") ==
          "9 gia_not_a_readout");
    CHECK(reasons("a[1] = v\nfor l in 2..3 { a[l] = 2 * a[l-1] }\noutput a[3]' @ (x[1] + v) / sqrt(n)") ==
          "9 gia_readout_reused");
    CHECK(reasons("a[1] = v\nfor l in 2..3 { a[l] = c * a[l-1] }\noutput a[3]' @ x[1] / sqrt(n)") ==
          "9 gia_random_coefficient");
    // only members that have a weight are read out
    const std::string sums = "a[0] = 0\nfor l in 1..4 { a[l] = a[l-1] + u[l] }\ny = relu(x[1] + u[2])\n";
    CHECK(reasons(sums + "output a[1]' @ y / sqrt(n)") == "");
    CHECK(reasons(sums + "output a[3]' @ y / sqrt(n)") == "9 gia_readout_reused");
}

TEST_CASE("a readout vector may be a factor of either side") {
    CHECK(terms("output (v * x[1])' @ x[2] / sqrt(n)") == "1 | v | x[1] * x[2]\n");
    CHECK(terms("output sqrt(n) * avg(x[1] * v / (1 + x[2]^2))") == "1 | v | x[1] / (1 + x[2]^2)\n");
    CHECK(terms("y = relu(W @ x[1] + u[1])\noutput (x[1] * u[1] * y)' @ (x[2] * v) / sqrt(n)") ==
          "1 | v | x[1] * u[1] * y * x[2]\n");
    CHECK(reasons("output (v * x[1])' @ (v * x[2]) / sqrt(n)") == "7 gia_readout_reused");
}

TEST_CASE("of a family with means the members of mean 0 are readouts") {
    const std::string q = "vector q[k in 1..2] ~ N(k - 1, 1)\n";
    CHECK(reasons(q + "output q[1]' @ (x[1] + q[2]) / sqrt(n)") == "");
    CHECK(reasons(q + "output q[2]' @ x[1] / sqrt(n)") == "8 gia_readout_mean");
    CHECK(reasons(q + "output sum(k in 1..2: q[k]' @ x[1]) / sqrt(n)") == "8 gia_readout_mean");
}

TEST_CASE("outputs that are not linear in readouts") {
    CHECK(reasons("output avg(x[1]^2)") == "7 gia_average_output");
    CHECK(reasons("output v' @ x[1] / n") == "7 gia_average_output");
    CHECK(reasons("output c + avg(x[1])") == "7 gia_average_output");
    CHECK(reasons("output tanh(v' @ x[1] / sqrt(n))") == "7 gia_nonlinear_output");
    CHECK(reasons("output max(t in 1..T: v' @ x[t] / sqrt(n))") == "7 gia_nonlinear_output");
    CHECK(reasons("output c * v' @ x[1] / sqrt(n)") == "7 gia_random_coefficient");
    CHECK(reasons("output x[1]' @ x[2] / sqrt(n)") == "7 gia_not_a_readout");
    CHECK(reasons("output w' @ x[1] / sqrt(n)") == "7 gia_readout_mean");
    CHECK(reasons("output a = v' @ x[1] / sqrt(n)\noutput b = avg(x[1])") == "8 gia_average_output");
}

TEST_CASE("coefficients that converge are no reason, random ones are") {
    CHECK(terms("output (1 + avg(x[1]^2)) * v' @ x[1] / sqrt(n)") == "1 + avg(x[1]^2) | v | x[1]\n");
    CHECK(terms("output sqrt(n) * (1 + avg(x[1]^2)) * (v' @ x[1] / n)") == "1 + avg(x[1]^2) | v | x[1]\n");
    CHECK(terms("a = 1 + avg(x[1]^2)\nf = 2 * v' @ x[1] / n\noutput a * f * sqrt(n)") == "a * 2 | v | x[1]\n");
    const std::string two = "(v' @ x[1] / sqrt(n)) * (u[1]' @ x[2] / sqrt(n))";
    CHECK(reasons("output " + two) == "7 gia_random_coefficient");
    CHECK(reasons("f = " + two + "\noutput f") == "7 gia_random_coefficient");
    CHECK(reasons("f = v' @ x[1] / sqrt(n)\noutput f * (u[1]' @ x[2] / sqrt(n))") == "8 gia_random_coefficient");
    CHECK(reasons("output (v' @ x[1] / sqrt(n))^2") == "7 gia_nonlinear_output");
}

TEST_CASE("a readout does not come back into the network") {
    CHECK(reasons("f = v' @ x[1] / sqrt(n)\ny = x[1] * f\noutput u[1]' @ y / sqrt(n)") == "7 gia_readout_inside");
    CHECK(reasons("y = x[1] * tanh(v' @ x[1] / sqrt(n))\noutput u[1]' @ y / sqrt(n)") == "7 gia_readout_inside");
}

TEST_CASE("a readout vector is used nowhere else") {
    CHECK(reasons("y = tanh(x[1] + v)\noutput v' @ y / sqrt(n)") == "7 gia_readout_reused");
    CHECK(reasons("y = tanh(x[1] + v)\nz = W @ x[2]\noutput v' @ z / sqrt(n)") == ""); // no output depends on y
    CHECK(reasons("y = tanh(x[1] + u[2])\noutput u[1]' @ y / sqrt(n)") == "");
    CHECK(reasons("output u[1]' @ x[1] / sqrt(n) * (u[2]' @ x[2] / n)") == "");
    CHECK(reasons("output v' @ v / sqrt(n)") == "7 gia_readout_reused");
    // Index ranges leave it open; the elements settle it: u[2t] against u[2t+1].
    CHECK(reasons("for t in 1..2 { y[t] = x[t] + u[2*t] }\noutput sum(t in 0..1: u[2*t+1]' @ y[2]) / sqrt(n)") == "");
    CHECK(reasons("for t in 1..2 { y[t] = x[t] + u[2*t] }\noutput sum(t in 0..1: u[2*t+2]' @ y[2]) / sqrt(n)") ==
          "7 gia_readout_reused");
}

TEST_CASE("W and its transpose are not both multiplied") {
    CHECK(reasons("h = relu(W @ x[1])\ny = relu(W' @ h)\noutput v' @ y / sqrt(n)") == "8 gia_both_transposes");
    CHECK(reasons("h = relu(W' @ x[1])\ny = relu(W' @ h)\noutput v' @ y / sqrt(n)") == "");
    CHECK(reasons("h = relu(V[1] @ x[1])\ny = relu(V[2]' @ h)\noutput v' @ y / sqrt(n)") == "");
    CHECK(reasons("output v' @ (W @ relu(W' @ x[1])) / sqrt(n)") == "7 gia_both_transposes");
    const std::string chain = "z[0] = x[1]\nfor l in 1..2 { y[l] = relu(V[2*l] @ z[l-1]); z[l] = relu(V[2*l-K]' @ y[l]) }\n"
                              "output v' @ z[2] / sqrt(n)";
    const auto with = [&](const std::string& k) { return std::string(chain).replace(chain.find('K'), 1, k); };
    CHECK(reasons(with("1")) == "");
    CHECK(reasons(with("0")) == "8 gia_both_transposes");
}

TEST_CASE("scalar parameters stand in outputs only") {
    CHECK(reasons("y = relu(x[1] + c)\noutput v' @ y / sqrt(n)") == "7 gia_scalar_inside");
    CHECK(reasons("a = 2 * c\ny = relu(a * x[1])\noutput v' @ y / sqrt(n) + c") == "7 gia_scalar_inside");
}

TEST_CASE("a failure tells the way from the use to the output") {
    const test::Checked checked = check_text("program shared_bias(sb = 0.5)\n"
                                             "input xi : R[d]\n"
                                             "matrix U ~ N(0, 1/d)\n"
                                             "vector v ~ N(0, sb^2)\n"
                                             "x = relu(U @ xi)\n"
                                             "y = tanh(x + v)\n"
                                             "z = y^2\n"
                                             "output v' @ z / sqrt(n)\n");
    CHECK(source::render(checked.diagnostics, checked.files) ==
          R"(test.tp:6:14: error: the readout vector v is used here as well: it must be independent of all that it reads
    6 | y = tanh(x + v)
      |              ^
test.tp:8:8: note: v is the readout here
test.tp:8:13: note: the output depends on z here
test.tp:7:5: note: z depends on y here
test.tp:4:8: note: v is declared here; the shortest change: declare vector v2 ~ N(0, 0.25) as well and read out with v2' instead of v'
)");
}

TEST_CASE("the verdict names parameters and outputs") {
    const test::Checked checked = check_text("program mlp(L: int = 3, sw = 2)\n"
                                             "input xi : R[d]\n"
                                             "matrix U ~ N(0, 1/d)\n"
                                             "matrix W[l in 2..L] ~ N(0, sw/(l*n)) rate 3\n"
                                             "frozen vector v ~ N(0, 1)\n"
                                             "x[1] = relu(U @ xi)\n"
                                             "for l in 2..L { x[l] = relu(W[l] @ x[l-1]) }\n"
                                             "output v' @ x[L] / sqrt(n)\n");
    CHECK(check::describe(checked.verdict, checked.program) == "the simple GIA condition holds\n"
                                                               "parameters:\n"
                                                               "    matrix U             n x d  N(0, 1 / d)\n"
                                                               "    matrix W[l in 2..3]  n x n  N(0, (2 / l) / n), rate 3\n"
                                                               "    vector v             n      N(0, 1), frozen\n"
                                                               "outputs:\n"
                                                               "    v' @ x[3] / sqrt(n)\n");
}

TEST_CASE("the summary counts what outputs depend on, and nothing else") {
    const test::Checked checked = check_text("program p\n"
                                             "input xi : R[d]\n"
                                             "matrix U ~ N(0, 1/d)\n"
                                             "matrix W ~ N(0, 1/n)\n"
                                             "vector v ~ N(0, 1)\n"
                                             "fn norm(h) = (h - avg(h)) / sqrt(avg((h - avg(h))^2))\n"
                                             "x = norm(W @ relu(U @ xi))\n"
                                             "y = W @ (W @ (W @ x))\n"
                                             "output v' @ x / sqrt(n)\n");
    const auto summary = check::summarize(checked.program, resolve::small_sizes(checked.program), 1000);
    REQUIRE(summary);
    CHECK(summary->depth == 2);
    CHECK(summary->parameters[1].most == 1);
}

TEST_CASE("index modes refer to the box around all members, whose bounds may use earlier indices") {
    const std::string triangles = "matrix A[l in 1..3, k in 1..l] ~ N(0, 1/n)\nvector q[l in 1..3, k in 1..l] ~ N(0, 1)\n";
    const auto transposed = [&](const std::string& index) {
        return reasons(triangles + "y = relu(A[" + index + "] @ x[1])\nz = relu(A[3,2]' @ y)\noutput v' @ z / sqrt(n)");
    };
    CHECK(transposed("3, 5 | wrap") == "10 gia_both_transposes");
    CHECK(transposed("4, 2 | clamp") == "10 gia_both_transposes");
    CHECK(transposed("3, 5 | clamp").empty());
    const auto biased = [&](const std::string& index) {
        return reasons(triangles + "y = relu(q[" + index + "] + x[1])\noutput q[3,3]' @ y / sqrt(n)");
    };
    CHECK(biased("3, 5 | clamp") == "9 gia_readout_reused");
    CHECK(biased("3, 0 | wrap") == "9 gia_readout_reused");
    CHECK(biased("3, 5 | zero").empty());
    CHECK(biased("2, 0 | clamp").empty());
}
