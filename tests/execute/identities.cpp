// The same network written in two ways has the same kernels, whatever the program.
#include "tests/execute/pipeline.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace tpc;
using tests::kernels;
using tests::Set;

namespace {

std::string mlp(const std::string& body) {
    return "program mlp\ninput xi : R[d]\nmatrix U ~ N(0, 1.5/d)\nmatrix W[l in 2..3] ~ N(0, 1.5/n)\n"
           "vector b[l in 1..3] ~ N(0, 0.2)\nvector v ~ N(0, 0.7)\n" +
           body + "output v' @ x[3] / sqrt(n)\n";
}

const Set& points() {
    static const Set set = tests::random_set(mlp("x[1] = U @ xi\nx[2] = x[1]\nx[3] = x[2]\n"), 4, {{"d", 3}}, 1);
    return set;
}

void same(const std::string& one, const std::string& other, const Set& set, double bound = 1e-13) {
    INFO(one << other);
    CHECK(tests::deviation(kernels(one, set), kernels(other, set)) < bound);
}

} // namespace

TEST_CASE("a loop and its turns written out agree") {
    same(mlp("x[1] = erf(U @ xi + b[1])\nfor l in 2..3 { x[l] = erf(W[l] @ x[l-1] + b[l]) }\n"),
         mlp("x[1] = erf(U @ xi + b[1])\nx[2] = erf(W[2] @ x[1] + b[2])\nx[3] = erf(W[3] @ x[2] + b[3])\n"), points());
}

TEST_CASE("relu in four spellings") {
    const auto with = [](const std::string& relu) {
        return mlp("fn f(z) = " + relu + "\nx[1] = f(U @ xi + b[1])\nfor l in 2..3 { x[l] = f(W[l] @ x[l-1] + b[l]) }\n");
    };
    for (const char* relu : {"where(z > 0, z, 0)", "(z + abs(z)) / 2", "max(z, 0)", "z * step(z)"})
        same(with("relu(z)"), with(relu), points());
}

TEST_CASE("a function, a block and the statements themselves agree") {
    const std::string head = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n";
    const std::string tail = "output v' @ x[3] / sqrt(n)\n";
    const std::string inlined = head +
                                "matrix A[l in 1..3] ~ N(0, 2/n)\nmatrix B[l in 1..3] ~ N(0, 0.5/n)\nx[0] = U @ xi\n"
                                "for l in 1..3 { x[l] = x[l-1] + B[l] @ relu(A[l] @ x[l-1]) }\n" +
                                tail;
    same(inlined,
         head +
             "block residual(x) {\nmatrix A ~ N(0, 2/n)\nmatrix B ~ N(0, 0.5/n)\nreturn x + B @ relu(A @ x)\n}\n"
             "use residual as r[l in 1..3]\nx[0] = U @ xi\nfor l in 1..3 { x[l] = r[l](x[l-1]) }\n" +
             tail,
         points());
    same(
        inlined,
        head +
            "matrix A[l in 1..3] ~ N(0, 2/n)\nmatrix B[l in 1..3] ~ N(0, 0.5/n)\nfn step_of(x, P, Q) = x + Q @ relu(P @ x)\n"
            "x[0] = U @ xi\nfor l in 1..3 { x[l] = step_of(x[l-1], A[l], B[l]) }\n" +
            tail,
        points());
}

TEST_CASE("kinked functions of one Gaussian and of averages are integrated, not sampled") {
    const std::string head = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v ~ N(0, 1)\n"
                             "h = U @ xi\n";
    // relu(relu(h) - m) = relu(h - m) for m > 0
    for (const char* tail : {"output v' @ y / sqrt(n)\n", "output v' @ relu(W @ y) / sqrt(n)\n"})
        same(head + "x = relu(h)\ny = relu(x - avg(x))\n" + tail, head + "y = relu(h - avg(relu(h)))\n" + tail, points(),
             1e-7);
}

TEST_CASE("a linear value is one Gaussian, named or not") {
    const std::string head = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n";
    same(head + "output v' @ (U @ xi + relu(U @ xi)) / sqrt(n)\n",
         head + "h = U @ xi\noutput v' @ (h + relu(U @ xi)) / sqrt(n)\n", points());
}

TEST_CASE("a linear value may stand before what gives it a name, and among elements that are not linear") {
    const std::string head = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nmatrix V ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "a = erf(V @ xi)\n";
    const std::string tail = "output v' @ (x + p) / sqrt(n)\n";
    const std::string behind = head + "p = relu(U @ xi)\nx = U @ xi + a\n" + tail;
    same(behind, head + "x = U @ xi + a\np = relu(U @ xi)\n" + tail, points());
    same(behind, head + "y[0] = U @ xi\ny[1] = a\nx = y[0] + y[1]\np = relu(U @ xi)\n" + tail, points());
    same(behind, head + "y[0] = U @ xi\ny[1] = y[0] + relu(U @ xi)\nx = y[1] + a\np = 0\n" + tail, points());
}

TEST_CASE("elements that are linear and others of one family, in both orders") {
    const std::string head = "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "for t in 1..T { x[t] = erf(U @ xi[t]); y[t] = U @ xi[T-t+1] }\n";
    const std::string plain = head + "output v' @ (sum(t in 1..T: x[t]) + sum(t in 1..T: y[t])) / sqrt(n)\n";
    const Set set = tests::random_set(plain, 3, {{"T", 3}, {"d", 2}}, 2);
    same(plain,
         head + "for t in 1..T { z[2*t] = erf(U @ xi[t]); z[2*t-1] = U @ xi[T-t+1] }\n"
                "output v' @ sum(t in 1..2*T: z[t]) / sqrt(n)\n",
         set, 1e-12);
}

TEST_CASE("finite vectors in any order of their families") {
    const std::string head = "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n";
    const std::string plain = head + "output v' @ (U @ sum(t in 1..T: t * (xi[t] - xi[1]))) / sqrt(n)\n";
    same(plain,
         head + "for t in 1..T { c[t] = xi[t] - xi[1] }\nq = sum(t in 1..T: t * c[t])\noutput v' @ (U @ q) / sqrt(n)\n",
         tests::random_set(plain, 3, {{"T", 3}, {"d", 2}}, 3));
}

TEST_CASE("a matrix reads a number as the constant vector") {
    const std::string head = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v ~ N(0, 1)\n"
                             "x = relu(U @ xi)\nc = avg(x^2)\n";
    const std::string tail = "output v' @ relu(h) / sqrt(n)\n";
    same(head + "h = W @ (x + 1)\n" + tail, head + "h = W @ x + W @ 1\n" + tail, points());
    same(head + "h = W @ (x - c)\n" + tail, head + "h = W @ x - W @ c\n" + tail, points());
}

TEST_CASE("an index mode of a parameter reads the members that it names") {
    const std::string head =
        "program p\ninput xi : R[T, d]\nmatrix U[a in 1..3] ~ N(0, a/d)\nmatrix W[a in 1..3] ~ N(0, a/n)\n"
        "vector b[a in 1..3] ~ N(a/4, 1/a)\nvector v ~ N(0, 1)\n";
    const std::string tail = "output f[t in 1..T] = v' @ y[t] / sqrt(n)\n";
    const std::string moved = head +
                              "for t in 1..T { x[t] = relu(U[t+1 | wrap] @ xi[t] + b[t+1 | clamp]) }\n"
                              "for t in 1..T { y[t] = relu(W[t-1 | zero] @ x[t] + W[t] @ x[1]) }\n" +
                              tail;
    const Set set = tests::random_set(moved, 3, {{"T", 3}, {"d", 2}}, 6);
    same(moved,
         head +
             "x[1] = relu(U[2] @ xi[1] + b[2])\nx[2] = relu(U[3] @ xi[2] + b[3])\nx[3] = relu(U[1] @ xi[3] + b[3])\n"
             "y[1] = relu(W[1] @ x[1])\ny[2] = relu(W[1] @ x[2] + W[2] @ x[1])\ny[3] = relu(W[2] @ x[3] + W[3] @ x[1])\n" +
             tail,
         set, 1e-9); // the means make series of relu
}

TEST_CASE("two index modes of one family keep apart where only equal positions are stored") {
    const std::string head =
        "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v ~ N(0, 1)\n"
        "for t in 1..T { x[t] = U @ xi[t] }\n";
    const std::string tail = "output v' @ (y[1] + W @ y[3]) / sqrt(n)\n";
    for (const std::string mode : {"wrap", "clamp"}) {
        const std::string outside = mode == "wrap" ? "x[1]" : "x[2]";
        const std::string moved = head + "for t in 1..2*T { y[t] = W @ x[t | " + mode + "] + W @ x[t | zero] }\n" + tail;
        same(moved, head + "for t in 1..2 { y[t] = 2 * W @ x[t] }\ny[3] = W @ " + outside + "\n" + tail,
             tests::random_set(moved, 3, {{"T", 2}, {"d", 2}}, 6));
    }
}

TEST_CASE("a plain read beside one that leaves its family under zero meets no entry where none is stored") {
    const std::string text =
        "program p\ninput xi : R[P, d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v[i in 1..P] ~ N(0, 1)\n"
        "for i in 1..P { x[0,i] = U @ xi[i] }\n"
        "for l in 1..2, i in 1..P { x[l,i] = x[l-1, i-1 | zero] + erf(W @ x[l-1, i+2 | zero]) }\n"
        "output sum(i in 1..P: v[i]' @ x[2,i] / sqrt(n))\n";
    const Set set = tests::random_set(text, 3, {{"P", 6}, {"d", 2}}, 6);
    tests::Settings backward;
    backward.options.via = execute::Via::D;
    CHECK(tests::deviation(kernels(text, set, backward), kernels(text, set)) < 1e-13);
}

TEST_CASE("an index mode in an output reads the members that it names") {
    const std::string head =
        "program p\ninput xi : R[T, d]\ninput w : R[T]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector b ~ N(0, 0.3)\n"
        "vector v[t in 1..T] ~ N(0, t)\nvector u ~ N(0, 0.5) rate 2\nscalar c[t in 1..T] ~ N(t/5, t) rate 3\n"
        "for t in 1..T { g[t] = U @ xi[t] + b; x[t] = relu(W @ relu(g[t])) }\n";
    const Set set = tests::random_set(head + "output v[1]' @ x[1] / sqrt(n)\n", 3, {{"T", 3}, {"d", 2}}, 6);
    const auto both = [&](const std::string& moved, const std::string& written) {
        same(head + moved, head + written, set);
        tests::Settings backward;
        backward.options.via = execute::Via::D;
        CHECK(tests::deviation(kernels(head + moved, set, backward), kernels(head + moved, set)) < 1e-13);
    };
    // beside members without a mode, another readout, a number
    both("output sum(t in 1..T: w[t] * v[t+1 | wrap]' @ x[t]) / sqrt(n) + (v[2] - 2 * u)' @ x[1] / sqrt(n) + 0.5\n",
         "output (w[1] * v[2]' @ x[1] + w[2] * v[3]' @ x[2] + w[3] * v[1]' @ x[3]) / sqrt(n) + (v[2] - 2 * u)' @ x[1] / "
         "sqrt(n) "
         "+ 0.5\n");
    both("output sum(t in 1..T: w[t] * c[t-1 | zero]) + c[1]\n", "output w[2] * c[1] + w[3] * c[2] + c[1]\n");
    // families, several outputs; a linear vector; modes on both sides
    both("output f[i in 1..T] = sum(t in 1..T: v[i+t | clamp]' @ g[t]) / sqrt(n)\n"
         "output h = v[3]' @ (x[1] + 1) / sqrt(n) - c[5 | wrap]\n",
         "output f[i in 1..T] = v[3]' @ (g[2] + g[3]) / sqrt(n) + sum(k in 2..3: where(k == i+1, 1, 0) * v[k]' @ g[1]) / "
         "sqrt(n) "
         "+ sum(k in 1..1: where(i == 3, 1, 0) * v[3]' @ g[1]) / sqrt(n)\n"
         "output h = v[3]' @ x[1] / sqrt(n) + v[3]' @ 1 / sqrt(n) - c[2]\n");
    both("output f = sum(t in 1..T: v[t+1 | zero]' @ x[t-1 | wrap]) / sqrt(n)\n",
         "output f = (v[2]' @ x[3] + v[3]' @ x[1]) / sqrt(n)\n");
}

TEST_CASE("an output defined by recursion is the sum that it stands for") {
    const std::string head =
        "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v[t in 1..T] ~ N(0, t)\n"
        "vector u ~ N(0, 0.5) rate 2\nscalar c ~ N(1, 0.5) rate 3\n"
        "for t in 1..T { x[t] = relu(W @ relu(U @ xi[t])); q[t] = avg(x[t]^2) }\n";
    const Set set = tests::random_set(head + "output u' @ x[1] / sqrt(n)\n", 3, {{"T", 3}, {"d", 2}}, 6);
    const auto both = [&](const std::string& recursive, const std::string& written) {
        same(head + recursive, head + written, set);
        tests::Settings backward;
        backward.options.via = execute::Via::D;
        CHECK(tests::deviation(kernels(head + recursive, set, backward), kernels(head + recursive, set)) < 1e-13);
    };
    both("f[0] = c + 2\nfor t in 1..T { f[t] = xi[t,1] * f[t-1] - v[t]' @ x[t] / sqrt(n) }\noutput f[T]\n",
         "output xi[1,1] * xi[2,1] * xi[3,1] * (c + 2) - (xi[2,1] * xi[3,1] * v[1]' @ x[1] + xi[3,1] * v[2]' @ x[2] + "
         "v[3]' @ x[3]) / sqrt(n)\n");
    // two names, one of them local; weights from Moments; elements of their own; sums over what was before
    both("for t in 1..T {\n  s = v[t]' @ x[t] / sqrt(n)\n"
         "  if t == 1 { f[t] = s } else { f[t] = q[t] * f[t-1] + 2 * s + sum(r in 1..t-1: g[r] / r) }\n"
         "  g[t] = f[t] * t + u' @ x[1] / sqrt(n)\n}\noutput f[T]\n",
         "s[1] = v[1]' @ x[1] / sqrt(n)\ns[2] = v[2]' @ x[2] / sqrt(n)\ns[3] = v[3]' @ x[3] / sqrt(n)\n"
         "r = u' @ x[1] / sqrt(n)\nf1 = s[1]\ng1 = f1 + r\nf2 = q[2] * f1 + 2 * s[2] + g1\ng2 = 2 * f2 + r\n"
         "f3 = q[3] * f2 + 2 * s[3] + g1 + g2 / 2\ng3 = 3 * f3 + r\noutput f3\n");
    both("for t in 1..T { f[t] = t * v[t]' @ x[t] / sqrt(n) }\noutput sum(t in 1..T: xi[t,2] * f[t-1 | wrap]) + f[4 | "
         "zero]\n",
         "output (xi[2,2] * v[1]' @ x[1] + 2 * xi[3,2] * v[2]' @ x[2] + 3 * xi[1,2] * v[3]' @ x[3]) / sqrt(n)\n");
    // which turns there are depends on the data
    both("for t in 1..T { if t == 2 { f[t] = v[t]' @ x[t] / sqrt(n) + q[t] } else if t > 2 { f[t] = 2 * f[t-1] } "
         "else { f[t] = c } }\noutput f[T] + f[1]\n",
         "output 2 * v[2]' @ x[2] / sqrt(n) + 2 * q[2] + c\n");
}

TEST_CASE("a readout vector defined by recursion, and one that is a factor, are the terms that they stand for") {
    const std::string head = "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nmatrix W ~ N(0, 1/n)\nvector v[t in "
                             "1..T] ~ N(t - 2, t) rate t\n"
                             "vector u ~ N(0, 0.5) rate 2\nvector w[t in 1..T] ~ N(0, t) rate 1 + t\n"
                             "for t in 1..T { x[t] = relu(W @ relu(U @ xi[t])); q[t] = avg(x[t]^2) }\n";
    const Set set = tests::random_set(head + "output u' @ x[1] / sqrt(n)\n", 3, {{"T", 3}, {"d", 2}}, 6);
    same(head + "a[0] = 0\nfor t in 1..T { a[t] = xi[t,1] * q[t] * a[t-1] + w[t] - u }\n"
                "output sum(t in 1..T: a[t]' @ x[t]) / sqrt(n)\n",
         head + "p2 = xi[2,1] * q[2]\np3 = xi[3,1] * q[3]\n"
                "output (w[1]' @ (x[1] + p2 * (x[2] + p3 * x[3])) + w[2]' @ (x[2] + p3 * x[3]) + w[3]' @ x[3] "
                "- u' @ (x[1] + (1 + p2) * x[2] + (1 + p3 * (1 + p2)) * x[3])) / sqrt(n)\n",
         set);
    same(head + "output (u * x[1])' @ x[2] / sqrt(n)\n", head + "output u' @ (x[1] * x[2]) / sqrt(n)\n", set);
    same(head + "output v[2]' @ (x[1] * v[1]) / sqrt(n)\n",
         head + "vector b ~ N(0, 2) rate 2\noutput b' @ (x[1] * v[1]) / sqrt(n)\n", set);
}

TEST_CASE("numbers are vectors of equal coordinates in inner products, too") {
    const std::string head = "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
                             "h = 2 + avg(relu(U @ xi))\n";
    same(head + "e = h' @ h / n\noutput e * v' @ (U @ xi) / sqrt(n)\n", head + "output h^2 * v' @ (U @ xi) / sqrt(n)\n",
         points());
}

TEST_CASE("a readout reads numbers as constant vectors") {
    const std::string head =
        "program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 0.5) rate 3\nx = relu(U @ xi)\n";
    const auto one = kernels(head + "output v' @ 2 / sqrt(n)\n", points());
    for (std::size_t k = 0; k < one[0].nngp.size(); ++k) {
        CHECK(one[0].nngp[k] == Approx(4 * 0.5));
        CHECK(one[0].ntk[k] == Approx(4 * 3));
    }
    const std::string numbers = head + "h[0] = 1\nh[1] = h[0] + avg(x)\n";
    same(numbers + "output v' @ (h[0] + h[1]) / sqrt(n)\n", head + "output v' @ (2 + avg(x)) / sqrt(n)\n", points());
    same(numbers + "output v' @ sum(t in 0..1: h[t]) / sqrt(n)\n", head + "output v' @ (2 + avg(x)) / sqrt(n)\n", points());
    for (const char* sum : {"v' @ x / sqrt(n) + 2 * v' @ 1 / sqrt(n)", "(v' @ x + 2 * n * avg(v)) / sqrt(n)"})
        same(head + "output v' @ (x + 2) / sqrt(n)\n", head + "output " + sum + "\n", points());
    same(head + "output v' @ (x - avg(x)) / sqrt(n)\n", head + "output v' @ x / sqrt(n) - avg(x) * (v' @ 1) / sqrt(n)\n",
         points());
}

TEST_CASE("reductions of numbers are numbers") {
    const auto with = [](const std::string& number) {
        return "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\noutput v' @ (" + number +
               " * relu(U @ xi[1])) / sqrt(n)\n";
    };
    const Set set = tests::random_set(with("1"), 3, {{"T", 3}, {"d", 2}}, 5);
    const std::pair<const char*, const char*> cases[] = {
        {"prod(r in 1..T: 0.5)", "0.125"}, {"prod(r in T+1..T: 0.5)", "1"},      {"max(r in 1..T: r)", "3"},
        {"min(r in 2..T: r)", "2"},        {"mean(r in 2..T: r)", "2.5"},        {"sum(r in 1..T, k in r..T: k)", "14"},
        {"sum(r in T+1..T: 2)", "0"},      {"logsumexp(r in 1..T: 0)", "log(3)"}};
    for (const auto& [reduction, number] : cases)
        same(with(number), with(reduction), set);
}

TEST_CASE("a bias vector is the weight of a constant coordinate") {
    // U reads (xi, 1) in R^4 with variance 2/4: the last column is a bias of variance 1/2, trained at rate 1/4.
    Set extended{points().samples, {{"d", 4}}, {{}}};
    for (std::size_t s = 0; s < points().samples; ++s) {
        for (std::size_t k = 0; k < 3; ++k)
            extended.inputs[0].push_back(points().inputs[0][3 * s + k]);
        extended.inputs[0].push_back(1);
    }
    const auto with = [](const std::string& parameters, const std::string& first) {
        return "program p\ninput xi : R[d]\n" + parameters +
               "matrix W ~ N(0, 2/n)\nvector v ~ N(0, 1)\noutput v' @ relu(W @ relu(" + first + ")) / sqrt(n)\n";
    };
    const auto one =
        kernels(with("matrix U ~ N(0, 1.5/d) rate 0.75\nvector b ~ N(0, 0.5) rate 0.25\n", "U @ xi + b"), points());
    const auto other = kernels(with("matrix U ~ N(0, 2/d)\n", "U @ xi"), extended);
    CHECK(tests::deviation(one, other) < 1e-13);
}

TEST_CASE("a mean is a sum over its count, and a tied matrix one family member") {
    const std::string head = "program p\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n";
    const Set set =
        tests::random_set(head + "output v' @ mean(t in 1..T: U @ xi[t]) / sqrt(n)\n", 3, {{"T", 4}, {"d", 2}}, 2);
    const std::string states =
        head + "matrix W ~ N(0, 1/n)\ns[0] = 0\nfor t in 1..T { s[t] = erf(W @ s[t-1] + U @ xi[t]) }\n";
    const std::string mean = states + "output v' @ mean(t in 1..T: s[t]) / sqrt(n)\n";
    same(mean, states + "output v' @ sum(t in 1..T: s[t]) / T / sqrt(n)\n", set);
    same(mean, states + "output (v' @ (s[1] + s[2] + s[3] + s[4]) / sqrt(n)) * 0.25\n", set);
    same(mean, states + "m[0] = 0\nfor t in 1..T { m[t] = m[t-1] + s[t] / T }\noutput v' @ m[T] / sqrt(n)\n", set);
    same(mean,
         head + "matrix W[k in 1..1] ~ N(0, 1/n)\ns[0] = 0\nfor t in 1..T { u = U @ xi[t]; s[t] = erf(u + W[1] @ s[t-1]) }\n"
                "output v' @ mean(t in 1..T: s[t]) / sqrt(n)\n",
         set);
}

TEST_CASE("an activation inside a window is one of the elements that the window reads") {
    const std::string head = "program w\ninput xi : R[P, d]\nmatrix U ~ N(0, 1/d)\nmatrix K[a in -1..1] ~ N(0, 1/(3*n))\n"
                             "vector v ~ N(0, 1)\nfor i in 1..P { x[i] = U @ xi[i] }\n";
    const std::string tail = "output v' @ mean(i in 1..P: y[i]) / sqrt(n)\n";
    const auto windows = [&](const std::string& read) {
        return head + "for i in 1..P { y[i] = x[i] + sum(a in -1..1: K[a] @ " + read + ") }\n" + tail;
    };
    const Set set = tests::random_set(windows("x[i]"), 3, {{"P", 4}, {"d", 2}}, 4);
    for (const std::string mode : {"zero", "wrap", "clamp"})
        same(windows("relu(x[i+a | " + mode + "])"),
             head + "for i in 1..P { r[i] = relu(x[i]) }\nfor i in 1..P { y[i] = x[i] + sum(a in -1..1: K[a] @ r[i+a | " +
                 mode + "]) }\n" + tail,
             set);
    // not 0 at 0
    same(windows("cos(x[i+a | zero])"),
         head +
             "z[0] = 0\nz[P+1] = 0\nfor i in 1..P { z[i] = x[i] }\nfor i in 0..P+1 { r[i] = cos(z[i]) }\n"
             "for i in 1..P { y[i] = x[i] + sum(a in -1..1: K[a] @ r[i+a]) }\n" +
             tail,
         set);
}

TEST_CASE("a circular convolution of a shifted image is the shifted convolution") {
    const std::string text =
        "program c\ninput xi : R[P, d]\nmatrix K[a in -1..1] ~ N(0, 1/(3*d))\nmatrix Q[a in -1..1] ~ N(0, 2/(3*n))\n"
        "vector v ~ N(0, 1)\nfor i in 1..P { x[i] = relu(sum(a in -1..1: K[a] @ xi[i+a | wrap])) }\n"
        "for i in 1..P { y[i] = relu(sum(a in -1..1: Q[a] @ x[i+a | wrap])) }\n"
        "output v' @ mean(i in 1..P: y[i]) / sqrt(n)\n";
    const Set set = tests::random_set(text, 3, {{"P", 5}, {"d", 2}}, 3);
    Set shifted = set;
    for (std::size_t s = 0; s < 3; ++s)
        for (std::size_t k = 0; k < 10; ++k)
            shifted.inputs[0][10 * s + k] = set.inputs[0][10 * s + (k + 4) % 10];
    CHECK(tests::deviation(kernels(text, set, shifted), kernels(text, set)) < 1e-13);
}

TEST_CASE("relu networks without biases are homogeneous: doubled samples have four times the kernel") {
    const std::string text = mlp("x[1] = relu(U @ xi)\nfor l in 2..3 { x[l] = relu(W[l] @ x[l-1]) }\n");
    Set doubled = points();
    for (double& value : doubled.inputs[0])
        value *= 2;
    const auto one = kernels(text, points());
    auto both = kernels(text, doubled), mixed = kernels(text, points(), doubled);
    for (execute::Entries* values : {&both[0].nngp, &both[0].ntk})
        for (std::size_t k = 0; k < values->size(); ++k)
            values->set(k, (*values)[k] / 4);
    CHECK(tests::identical(both, one)); // powers of two
    for (std::size_t i = 0; i < one[0].ntk.size(); ++i) {
        CHECK(mixed[0].ntk[i] == Approx(2 * one[0].ntk[i]).epsilon(1e-14));
        CHECK(mixed[0].nngp[i] == Approx(2 * one[0].nngp[i]).epsilon(1e-14));
    }
}

TEST_CASE("frozen parameters, rates and the two training conventions") {
    const auto network = [](const std::string& u, const std::string& b, const std::string& w, const std::string& v,
                            const std::string& frozen = "") {
        return "program p\ninput xi : R[d]\n" + frozen + "matrix U ~ N(0, 1.5/d)" + u + "\n" + frozen +
               "vector b ~ N(0, 0.3)" + b + "\nmatrix W ~ N(0, 1.25/n)" + w + "\nvector v ~ N(0, 0.5)" + v +
               "\nscalar c ~ N(0, 0.2)\noutput v' @ erf(W @ relu(U @ xi + b)) / sqrt(n) + 3 * c\n";
    };
    tests::Settings variance;
    variance.rates = resolve::Rates::variance;
    const auto ntk = [](const std::string& text, const tests::Settings& settings = {}) {
        return kernels(text, points(), settings)[0].ntk;
    };
    const auto scalar_rate = [](std::string text) { return text.replace(text.find("N(0, 0.2)"), 9, "N(0, 0.2) rate 0.2"); };
    CHECK(tests::deviation(ntk(network("", "", "", ""), variance),
                           ntk(scalar_rate(network(" rate 1.5", " rate 0.3", " rate 1.25", " rate 0.5")))) < 1e-14);
    // a rate in the program wins over the option
    CHECK(tests::deviation(ntk(network(" rate 1.5", " rate 0.3", " rate 1.25", " rate 0.5"), variance),
                           ntk(network("", "", "", ""), variance)) < 1e-14);
    CHECK(tests::deviation(ntk(network("", "", "", "", "frozen ")), ntk(network(" rate 0", " rate 0", "", ""))) == 0);
    // the kernel is the sum of its parameters' terms
    const auto off = [&](const std::vector<std::string>& rates) {
        return ntk(network(rates[0], rates[1], rates[2], rates[3]));
    };
    std::vector<double> sum = off({" rate 0", " rate 0", " rate 0", " rate 0"});
    const std::vector<double> scalar = sum;
    for (std::size_t k = 0; k < 4; ++k) {
        std::vector<std::string> rates(4, " rate 0");
        rates[k] = "";
        const auto term = off(rates);
        for (std::size_t i = 0; i < sum.size(); ++i)
            sum[i] += term[i] - scalar[i];
    }
    CHECK(scalar[0] == 9);
    CHECK(tests::deviation(sum, off({"", "", "", ""})) < 1e-14);
    // the nngp knows no rates
    CHECK(tests::deviation(kernels(network("", "", "", ""), points(), variance)[0].nngp,
                           kernels(network(" rate 7", " rate 0", "", ""), points())[0].nngp) == 0);
}
