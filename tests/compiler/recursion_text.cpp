// The text of the recursions: as a paper has them (goldens), and with the same lines at all sizes and depths.
#include "check_program.hpp"
#include "compiler/bind/build.hpp"
#include "compiler/formula/print.hpp"
#include "compiler/limit/recursion.hpp"
#include "compiler/plan/plan.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <regex>
#include <sstream>

using namespace tpc;

namespace {

std::string read(const std::string& path) {
    std::ifstream file(std::string(TPC_SOURCE_DIR) + "/" + path);
    INFO(path);
    REQUIRE(file);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

limit::Recursions derived(const std::string& program, const std::map<std::string, std::string>& defines = {}) {
    test::Checked checked = test::check_text(program, defines);
    REQUIRE(checked.verdict.holds);
    const network::Network network = network::name_preactivations(checked.program, checked.verdict.terms);
    auto result = limit::derive(network, {}, checked.diagnostics);
    REQUIRE(result);
    return std::move(*result);
}

std::string without_depth(const std::string& text, int depth) {
    std::string result = std::regex_replace(text, std::regex(" +"), " "); // columns move with the width of numbers
    for (const int number : {depth, depth - 1})
        result =
            std::regex_replace(result, std::regex("\\b" + std::to_string(number) + "\\b"), number == depth ? "L" : "L-1");
    return result;
}

bool has_line(const std::string& text, const std::string& line) {
    return text.find("  " + line + "\n") != std::string::npos || text.find("  " + line + " ") != std::string::npos;
}

std::string planned(const std::string& name, const std::map<std::string, std::string>& defines) {
    test::Checked checked = test::check_text(read("examples/" + name + ".tp"), defines);
    const network::Network network = network::name_preactivations(checked.program, checked.verdict.terms);
    const ir::Sizes sizes = resolve::small_sizes(checked.program);
    const auto plan = plan::build(network, sizes, sizes, true, checked.diagnostics);
    REQUIRE(plan);
    return plan::print(*plan);
}

} // namespace

TEST_CASE("the recursions of the examples read as in the papers") {
    for (const std::string name : {"mlp", "rnn_last", "rnn_average", "cnn_flatten", "layernorm_mlp", "transformer"}) {
        INFO(name);
        CHECK(formula::print(derived(read("examples/" + name + ".tp"))) ==
              read("tests/compiler/recursions/" + name + ".txt"));
    }
}

TEST_CASE("the recursions of an output that is defined by recursion have families of weights") {
    const std::string program = "program discounted(gamma = 0.9)\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d)\n"
                                "vector v[t in 1..T] ~ N(0, 1)\nscalar c ~ N(0, 1)\n"
                                "for t in 1..T {\n  x[t] = relu(U @ xi[t])\n"
                                "  if t == 3 { f[t] = v[t]' @ x[t] / sqrt(n) } else if t > 1 { f[t] = gamma * f[t-1] } "
                                "else { f[t] = c }\n}\noutput f[T]\n";
    CHECK(formula::print(derived(program)) == read("tests/compiler/recursions/discounted.txt"));
}

TEST_CASE("what functions read has no mean in its covariances") {
    const std::string program = R"(program means(m = 0.3)
input xi : R[P, d]
matrix U ~ N(0, 1/d)
matrix W ~ N(0, 1/n)
vector b ~ N(m, 0.2)
vector c[i in 1..P] ~ N(i, 1)
vector v ~ N(0, 1)
for i in 1..P {
    h[i] = U @ xi[i] + b
    x[i] = sin(h[i] - m) + relu(h[i] + c[i])
    y[i] = tanh(W @ h[i])
}
output v' @ mean(i in 1..P: x[i] + y[i]) / sqrt(n)
)";
    CHECK(formula::print(derived(program)) == read("tests/compiler/recursions/means.txt"));
}

TEST_CASE("the recursions have the same lines at all depths and sizes") {
    for (const std::string name : {"mlp", "transformer", "rnn_steps", "cnn_pooled"}) {
        INFO(name);
        const std::string program = read("examples/" + name + ".tp");
        const std::string deep = formula::print(derived(program, {{"L", "30"}}));
        CHECK(without_depth(formula::print(derived(program, {{"L", "8"}})), 8) == without_depth(deep, 30));
    }
    const std::string cnn = read("examples/cnn_flatten.tp");
    CHECK(formula::print(derived(cnn, {{"rows", "5"}, {"cols", "5"}})) ==
          formula::print(derived(cnn, {{"rows", "32"}, {"cols", "32"}})));
}

TEST_CASE("a network of 200 layers that is written out has the equations of its layers and no more") {
    const int depth = 200;
    std::string family = "program deep\ninput xi : R[d]\nmatrix W[l in 1..200] ~ N(0, 1/n)\nvector v ~ N(0, 1)\n"
                         "matrix U ~ N(0, 1/d)\nx[0] = relu(U @ xi)\n";
    std::string names = "program deep\ninput xi : R[d]\nmatrix W[l in 1..200] ~ N(0, 1/n)\nvector v ~ N(0, 1)\n"
                        "matrix U ~ N(0, 1/d)\nx0 = relu(U @ xi)\n";
    for (int l = 1; l <= depth; ++l) {
        family += "x[" + std::to_string(l) + "] = relu(W[" + std::to_string(l) + "] @ x[" + std::to_string(l - 1) + "])\n";
        names += "x" + std::to_string(l) + " = relu(W[" + std::to_string(l) + "] @ x" + std::to_string(l - 1) + ")\n";
    }
    for (const std::string& program : {family + "output v' @ x[200] / sqrt(n)\n", names + "output v' @ x200 / sqrt(n)\n"}) {
        const limit::Recursions recursions = derived(program);
        CHECK(recursions.cross.size() == 2 * (depth + 1) + 1); // preactivations, activations, the output
        CHECK(recursions.self.size() == 2 * (depth + 1));
    }
}

TEST_CASE("gradients gather where reads can be inverted") {
    const std::string wrapped = formula::print(derived(R"(
        program ring
        input xi : R[T, d]
        matrix U ~ N(0, 1/d)
        matrix K[a in 0..1] ~ N(0, 1/n)
        vector v ~ N(0, 1)
        for t in 1..T { x[t] = relu(U @ xi[t]) }
        for t in 1..T { y[t] = sum(a in 0..1: K[a] @ x[t+a | wrap]) }
        output v' @ y[1] / sqrt(n))"));
    INFO(wrapped);
    CHECK(has_line(wrapped, "nngp = C(y[1], y_[1])"));
    // the inverse of a fold is a condition
    CHECK(has_line(wrapped, "D(x[a], x_[a_]) = D(y[1], y_[1]) * sum(a2 in 0..1, wrap(a2+1) == a, wrap(a2+1) == a_: 1)"));
    const std::string strided = formula::print(derived(R"(
        program pool(p: int)
        input xi : R[2*p, d]
        matrix U ~ N(0, 1/d)
        vector v ~ N(0, 1)
        for i in 1..2*p { x[i] = relu(U @ xi[i]) }
        for i in 1..p { y[i] = mean(a in 0..1: x[2*i-a]) }
        output v' @ mean(i in 1..p: y[i]) / sqrt(n))",
                                                       {{"p", "3"}}));
    INFO(strided);
    CHECK(has_line(strided, "C(y[i], y_[i_]) = 0.25 * sum(a in 0..1, a_ in 0..1: C(x[2*i-a], x_[2*i_-a_]))"));
}

TEST_CASE("outputs and product rules are written out") {
    const std::string text = formula::print(derived(R"(
        program gated
        input xi : R[T, d]
        matrix U ~ N(0, 1/d);  matrix G ~ N(0, 1/d)
        vector v ~ N(0, 2)
        for t in 1..T { x[t] = sigmoid(G @ xi[t]) * tanh(U @ xi[t]) }
        output f[t in 1..T] = v' @ x[t] / sqrt(n))"));
    INFO(text);
    CHECK(has_line(text, "C(x[t], x_[t_]) = C(p[t], p_[t_]) * C(p2[t], p2_[t_])"));
    CHECK(has_line(text, "T(x[t], x_[t_]) = T(p[t], p_[t_]) * C(p2[t], p2_[t_]) + T(p2[t], p2_[t_]) * C(p[t], p_[t_])"));
    CHECK(has_line(text, "D(x[t], x_[t_]) = 2"));
    CHECK(has_line(text, "nngp(f[t], f_[t_]) = 2 * C(x[t], x_[t_])"));
}

TEST_CASE("latex is one align environment after a line of notation") {
    const std::string text = formula::print_latex(derived(read("examples/rnn_last.tp")));
    INFO(text);
    CHECK(text.find("\\begin{align*}") == text.find('\n') + 1);
    CHECK(text.find("\\Sigma\\left({g}_{t},\\, {\\bar{g}}_{\\bar{t}}\\right) &= ") != std::string::npos);
    CHECK(std::count(text.begin(), text.end(), '{') == std::count(text.begin(), text.end(), '}'));
}

TEST_CASE("plans print loops, buffers, rows and what is stored as C alone") {
    for (const std::string name : {"cnn_flatten", "cnn_pooled"}) {
        INFO(name);
        CHECK(planned(name, {{"rows", "4"}, {"cols", "4"}, {"c", "3"}}) == read("tests/compiler/plans/" + name + ".txt"));
    }
}

TEST_CASE("plans factor the sums of attention and of a graph's neighbours") {
    CHECK(planned("gcn", {{"nodes", "6"}, {"d", "2"}}) == read("tests/compiler/plans/gcn.txt"));
    CHECK(planned("transformer", {{"T", "6"}, {"d", "2"}}) == read("tests/compiler/plans/transformer.txt"));
}

TEST_CASE("a plan shows that only needed entries are stored") {
    const std::string last = planned("rnn_last", {{"T", "7"}, {"d", "2"}});
    INFO(last);
    CHECK(last.find("(g[t], g_[.])  t in 1..7") != std::string::npos);
    const std::string average = planned("rnn_average", {{"T", "7"}, {"d", "2"}});
    INFO(average);
    CHECK(average.find("(g[t], g_[.])  t in 1..7") != std::string::npos); // one offset at a time
    CHECK(average.find("for (t_-t) in -7..7, planes apart") != std::string::npos);
}

TEST_CASE("expectations over several Gaussians say what they are of, in text, latex and plans") {
    for (const std::string name : {"bn_relu_B4", "seq_gru_T2"}) {
        INFO(name);
        const std::string program = read("tests/conformance/kernels/" + name + "/program.tp");
        CHECK(formula::print(derived(program)) == read("tests/compiler/recursions/" + name + ".txt"));
    }
    const std::string program = read("tests/conformance/kernels/bn_relu_B4/program.tp");
    const std::string latex = formula::print_latex(derived(program));
    CHECK(latex.find("{x}_{l,i} &= \\operatorname{relu}\\left(\\frac{{g}_{l,i}}{\\sqrt{{s}_{l}}}\\right)") !=
          std::string::npos);
    CHECK(latex.find("\\mathbb{E}\\left[{x}_{l,i}\\, {\\bar{x}}_{l,\\bar{i}}\\right]") != std::string::npos);
}

TEST_CASE("an analysis of index sets that does not end names what it was about") {
    test::Checked checked = test::check_text(read("examples/transformer.tp"));
    const network::Network network = network::name_preactivations(checked.program, checked.verdict.terms);
    limit::DeriveOptions few;
    few.set_operations = 1000;
    CHECK(!limit::derive(network, few, checked.diagnostics));
    CHECK(
        source::render(checked.diagnostics, checked.files) ==
        R"(test.tp:28:13: error: which elements depend on which takes too long to work out here: use fewer indices at once, or simpler bounds and indices
   28 | output v' @ mean(t in 1..T: x[L,t]) / sqrt(n)
      |             ^~~~~~~~~~~~~~~~~~~~~~~
)");
}
