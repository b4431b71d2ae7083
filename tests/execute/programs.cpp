// What holds for every program: C and T against D, symmetry, positive semidefiniteness, threads, orders and copies of
// samples, single precision, zero samples.
#include "tests/execute/pipeline.hpp"

#include <Eigen/Eigenvalues>
#include <catch2/catch.hpp>

#include <cmath>

using namespace tpc;
using tests::kernels;
using tests::Program;
using tests::Set;

namespace {

const std::vector<Program>& programs() {
    static const std::vector<Program> all{
        {"mlp",
         R"(program mlp
input xi : R[d]
matrix U ~ N(0, 2/d)
matrix W ~ N(0, 2/n)
vector b[l in 1..2] ~ N(0, 0.1)
vector v ~ N(0, 1)
output v' @ relu(W @ erf(U @ xi + b[1]) + b[2]) / sqrt(n)
)",
         {{"d", 3}}},
        {"rnn, average",
         R"(program rnn
input xi : R[T, d]
matrix W ~ N(0, 1/n)
matrix U ~ N(0, 1/d)
vector b ~ N(0, 0.1)
vector v ~ N(0, 1)
s[0] = 0
for t in 1..T { s[t] = relu(W @ s[t-1] + U @ xi[t] + b) }
output v' @ mean(t in 1..T: s[t]) / sqrt(n)
)",
         {{"T", 4}, {"d", 2}}},
        {"cnn, pooled",
         R"(program cnn
input xi : R[P, c]
matrix K1[a in -1..1] ~ N(0, 2/(3*c))
matrix K[l in 2..3, a in -1..1] ~ N(0, 2/(3*n))
vector v ~ N(0, 1)
for i in 1..P { x[1,i] = relu(sum(a in -1..1: K1[a] @ xi[i+a | zero])) }
for l in 2..3, i in 1..P { x[l,i] = relu(sum(a in -1..1: K[l,a] @ x[l-1, i+a | clamp])) }
output v' @ mean(i in 1..P: x[3,i]) / sqrt(n)
)",
         {{"P", 4}, {"c", 2}}},
        {"a readout of its own at each of many positions",
         R"(program local
input xi : R[P, d]
matrix U ~ N(0, 1/d)
vector v[i in 1..P] ~ N(0, 1)
for i in 1..P { x[i] = relu(U @ xi[i]) }
output sum(i in 1..P: v[i]' @ x[i]) / sqrt(n * P)
)",
         {{"P", 5}, {"d", 2}}},
        {"sums of means under every mode",
         R"(program shifted
input xi : R[P, d]
matrix U ~ N(0, 1/d)
matrix W[k in 1..3] ~ N(0, 1/n)
vector v ~ N(0, 1)
for i in 1..P { x[i] = relu(U @ xi[i]) }
for i in 1..P {
    y[1,i] = 1 + sum(a in -1..1: x[i+a | zero])
    y[2,i] = 1 + sum(a in -1..1: x[i+a | clamp])
    y[3,i] = 1 + sum(a in -1..1: x[i+a | wrap])
}
output v' @ relu(sum(k in 1..3: W[k] @ y[k,1] + W[k] @ y[k,P])) / sqrt(n)
)",
         {{"P", 4}, {"d", 2}}},
        {"a matrix for each position, read beyond the end",
         R"(program own
input xi : R[P, d]
matrix U[i in 1..P] ~ N(0, 1/d)
matrix K[l in 1..3, a in -1..1] ~ N(0, 0.4/n)
vector b[l in 1..3] ~ N(0, 0.1)
vector v ~ N(0, 1)
for i in 1..P {
    g[i] = U[i] @ xi[i]
    x[1,i] = erf(g[i])
}
for l in 2..3, i in 1..P { x[l,i] = erf(sum(a in -1..1: K[l,a] @ x[l-1, i+a | zero]) + b[l]) + x[l-1, 2*i-1 | zero] }
output f[i in 1..P] = v' @ x[3,i] / sqrt(n)
)",
         {{"P", 2}, {"d", 2}}},
        {"transformer",
         R"(program transformer
input xi : R[T, d]
matrix E ~ N(0, 1/d)
matrix A ~ N(0, 1/n)
matrix B ~ N(0, 1/n)
vector v ~ N(0, 1)
fn layernorm(h) = (h - avg(h)) / sqrt(avg((h - avg(h))^2))
for t in 1..T { k[t] = E @ xi[t] }
for t in 1..T, r in 1..T { e[t,r] = k[t]' @ k[r] / n }
for t in 1..T {
    m[t] = logsumexp(r in 1..T: e[t,r])
    z[t] = layernorm(k[t] + sum(r in 1..T: exp(e[t,r] - m[t]) * k[r]))
    x[t] = layernorm(B @ relu(A @ z[t]) + z[t])
}
output v' @ mean(t in 1..T: x[t]) / sqrt(n)
)",
         {{"T", 3}, {"d", 2}}},
        {"gcn",
         R"(program gcn
input xi : R[nodes, d]
input A : R[nodes, nodes]
matrix U ~ N(0, 2/d)
matrix W ~ N(0, 2/n)
vector v ~ N(0, 1)
for i in 1..nodes { x[i] = relu(sum(j in 1..nodes: A[i,j] * (U @ xi[j]))) }
for i in 1..nodes { y[i] = relu(sum(j in 1..nodes: A[i,j] * (W @ x[j]))) }
output v' @ sum(i in 1..nodes: y[i]) / sqrt(n)
)",
         {{"nodes", 3}, {"d", 2}}},
        {"resnet, post-activation",
         R"(program resnet
input xi : R[d]
matrix U ~ N(0, 1/d)
matrix W[l in 2..3] ~ N(0, 1/n)
vector b[l in 1..3] ~ N(0, 0.1)
vector v ~ N(0, 1)
x[1] = relu(U @ xi + b[1])
for l in 2..3 { x[l] = x[l-1] + relu(W[l] @ x[l-1] + b[l]) }
output v' @ x[3] / sqrt(n)
)",
         {{"d", 3}}},
        {"gated product",
         R"(program gated
input xi : R[d]
matrix U ~ N(0, 1/d)
matrix A ~ N(0, 2/n)
matrix B ~ N(0, 1.5/n)
vector v ~ N(0, 1)
u = relu(U @ xi)
output v' @ (erf(A @ u) * gelu(B @ u)) / sqrt(n)
)",
         {{"d", 3}}},
        {"outputs",
         R"(program outputs
input xi : R[T, d]
matrix U ~ N(0, 1/d)
matrix W ~ N(0, 1/n)
vector v ~ N(0, 1)
vector w ~ N(0, 2)
scalar c ~ N(0, 0.3)
s[0] = 0
for t in 1..T { s[t] = erf(W @ s[t-1] + U @ xi[t]) }
output each[t in 1..T] = v' @ s[t] / sqrt(n) + c
output last = 2 * (w' @ s[T] / sqrt(n)) - v' @ s[1] / sqrt(n) + 1
)",
         {{"T", 3}, {"d", 2}}},
    };
    return all;
}

Set samples(const Program& program, std::size_t count, std::uint64_t seed) {
    return tests::random_set(program.text, count, program.sizes, seed);
}

// Rows of a set, in the given order.
Set rows(const Set& set, const std::vector<std::size_t>& order) {
    Set result{order.size(), set.sizes, {}};
    for (const auto& values : set.inputs) {
        const std::size_t row = values.size() / set.samples;
        result.inputs.emplace_back();
        for (const std::size_t s : order)
            for (std::size_t k = 0; k < row; ++k)
                result.inputs.back().push_back(values[s * row + k]);
    }
    return result;
}

// As a matrix over (sample, indices).
Eigen::MatrixXd matrix(const execute::Kernel& kernel, const std::vector<double>& values) {
    Eigen::Index side = 1;
    for (std::size_t k = 0; k < kernel.shape.size() / 2; ++k)
        side *= static_cast<Eigen::Index>(kernel.shape[k]);
    return Eigen::Map<const Eigen::MatrixXd>(values.data(), side, static_cast<Eigen::Index>(values.size()) / side)
        .transpose();
}

} // namespace

TEST_CASE("forward and backward tangent kernels agree") {
    tests::Settings backward;
    backward.options.via = execute::Via::D;
    for (const Program& program : programs()) {
        INFO(program.name);
        const Set left = samples(program, 3, 1), right = samples(program, 2, 2);
        CHECK(tests::deviation(kernels(program.text, left, backward), kernels(program.text, left)) < 1e-13);
        CHECK(tests::deviation(kernels(program.text, left, right, backward), kernels(program.text, left, right)) < 1e-13);
    }
}

TEST_CASE("kernels are symmetric and positive semidefinite, and so is what the readout leaves") {
    for (const Program& program : programs()) {
        INFO(program.name);
        const Set set = samples(program, 5, 3);
        const auto found = kernels(program.text, set), square = kernels(program.text, set, set);
        CHECK(tests::deviation(square, found) < 1e-14);
        for (const execute::Kernel& kernel : square) {
            const Eigen::MatrixXd nngp = matrix(kernel, kernel.nngp), ntk = matrix(kernel, kernel.ntk);
            for (const Eigen::MatrixXd& k : {nngp, ntk}) {
                REQUIRE(k.rows() == k.cols());
                CHECK((k - k.transpose()).cwiseAbs().maxCoeff() <= 1e-14 * k.cwiseAbs().maxCoeff());
                const Eigen::VectorXd eigenvalues = k.selfadjointView<Eigen::Lower>().eigenvalues();
                CHECK(eigenvalues.minCoeff() >= -1e-13 * eigenvalues.maxCoeff());
            }
        }
        if (square.size() == 1) { // readout of variance and rate 1: its term is the nngp
            const Eigen::MatrixXd rest = matrix(square[0], square[0].ntk) - matrix(square[0], square[0].nngp);
            const Eigen::VectorXd eigenvalues = rest.selfadjointView<Eigen::Lower>().eigenvalues();
            CHECK(eigenvalues.minCoeff() >= -1e-13 * eigenvalues.maxCoeff());
        }
    }
}

TEST_CASE("neither threads nor the order, the copies or the company of samples change a bit") {
    for (const Program& program : programs()) {
        INFO(program.name);
        const Set set = samples(program, 3, 4);
        tests::Settings one, two;
        one.options.threads = 1;
        two.options.threads = 2;
        const auto found = kernels(program.text, set, one);
        CHECK(tests::identical(found, kernels(program.text, set, two)));
        const std::vector<std::size_t> order{2, 0, 1, 2};
        const auto moved = kernels(program.text, rows(set, order), rows(set, order), one);
        const auto company = kernels(program.text, set, set, one);
        for (std::size_t o = 0; o < found.size(); ++o) {
            const Eigen::MatrixXd whole = matrix(company[o], company[o].ntk), taken = matrix(moved[o], moved[o].ntk);
            const Eigen::Index family = whole.rows() / 3;
            for (Eigen::Index i = 0; i < 4; ++i)
                for (Eigen::Index j = 0; j < 4; ++j) {
                    const auto from = [&](Eigen::Index k) {
                        return static_cast<Eigen::Index>(order[static_cast<std::size_t>(k)]) * family;
                    };
                    CHECK(taken.block(i * family, j * family, family, family) ==
                          whole.block(from(i), from(j), family, family));
                }
        }
        // two copies of one sample, in the symmetric evaluation
        const auto copies = kernels(program.text, rows(set, {1, 0, 1}), one);
        for (std::size_t o = 0; o < found.size(); ++o) {
            const Eigen::MatrixXd k = matrix(copies[o], copies[o].ntk);
            const Eigen::Index family = k.rows() / 3;
            CHECK((k.topRows(family) - k.bottomRows(family)).cwiseAbs().maxCoeff() <= 1e-14 * k.cwiseAbs().maxCoeff());
        }
    }
}

TEST_CASE("sets of many tiles, and blocks of them, have the kernels of a few samples") {
    for (std::size_t p = 0; p < 3; ++p) {
        const Program& program = programs()[p];
        INFO(program.name);
        const Set set = samples(program, 700, 3);
        const std::vector<std::size_t> chosen{0, 15, 16, 349, 352, 511, 512, 699};
        const auto few = kernels(program.text, rows(set, chosen));
        const auto many = kernels(program.text, set);
        const Eigen::MatrixXd whole = matrix(many[0], many[0].ntk), part = matrix(few[0], few[0].ntk);
        const double most = part.cwiseAbs().maxCoeff();
        for (std::size_t i = 0; i < chosen.size(); ++i)
            for (std::size_t j = 0; j < chosen.size(); ++j)
                CHECK(std::abs(whole(static_cast<Eigen::Index>(chosen[i]), static_cast<Eigen::Index>(chosen[j])) -
                               part(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j))) <= 1e-13 * most);
        const plan::Plan plan = tests::plan_of(program.text, set, nullptr);
        execute::SampleSet data;
        data.samples = set.samples;
        for (const auto& values : set.inputs)
            data.inputs.push_back({values});
        execute::Evaluation evaluation(plan, data, nullptr, {});
        const auto block = evaluation.block({3, 20}, {337, 200});
        REQUIRE(!block.error);
        const Eigen::MatrixXd found = Eigen::Map<const Eigen::Matrix<double, -1, -1, Eigen::RowMajor>>(
            block.outputs[0].ntk.numbers<double>(), 20, 200);
        CHECK(found == whole.block(3, 337, 20, 200));
    }
}

TEST_CASE("single and double precision agree") {
    tests::Settings single;
    single.options.single = true;
    for (const Program& program : programs()) {
        INFO(program.name);
        const Set set = samples(program, 3, 5);
        CHECK(tests::deviation(kernels(program.text, set, single), kernels(program.text, set)) < 1e-5);
    }
}

TEST_CASE("the network of two equal sets is that of one") {
    for (const Program& program : programs()) {
        INFO(program.name);
        const Set set = samples(program, 4, 6);
        CHECK(tests::deviation(kernels(program.text, set, rows(set, {0, 1, 2, 3})), kernels(program.text, set)) < 1e-14);
    }
}

TEST_CASE("zero samples have numbers for kernels") {
    for (const Program& program : programs()) {
        if (std::string(program.name) == "transformer")
            continue; // layer norm of zero is 0/0
        INFO(program.name);
        Set set = samples(program, 3, 7);
        for (auto& values : set.inputs)
            std::fill_n(values.begin(), values.size() / 3, 0.0);
        for (const bool single : {false, true}) {
            tests::Settings settings;
            settings.options.single = single;
            for (const execute::Kernel& kernel : kernels(program.text, set, settings)) {
                for (const execute::Entries* values : {&kernel.nngp, &kernel.ntk})
                    CHECK(std::ranges::all_of(std::vector<double>(*values), [](double x) { return std::isfinite(x); }));
            }
        }
    }
    // relu'(0) = 1/2 on both sides: ntk = 1/4 of b's term, nngp = 0
    const std::string text = "program z\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector b ~ N(0, 0)\nvector v ~ N(0, 1)\n"
                             "output v' @ relu(U @ xi + b) / sqrt(n)\n";
    const auto found = kernels(text, Set{2, {{"d", 1}}, {{0, 1}}});
    CHECK(tests::deviation(found[0].nngp, {0, 0, 0, 0.5}) < 1e-15);
    CHECK(found[0].ntk[0] == Approx(0.25).epsilon(1e-15));
    CHECK(found[0].ntk[1] == Approx(0.25).epsilon(1e-15));
    CHECK(found[0].ntk[3] == Approx(0.5 + 0.5 * 2));
}

TEST_CASE("sequences of different lengths in the two sets") {
    const Program& program = programs()[1];
    Set longer = tests::random_set(program.text, 2, {{"T", 5}, {"d", 2}}, 8);
    const Set shorter = tests::random_set(program.text, 3, {{"T", 3}, {"d", 2}}, 9);
    tests::Settings backward;
    backward.options.via = execute::Via::D;
    const auto found = kernels(program.text, longer, shorter);
    CHECK(found[0].shape == std::vector<std::size_t>{2, 3});
    CHECK(tests::deviation(kernels(program.text, longer, shorter, backward), found) < 1e-13);
    const auto turned = kernels(program.text, shorter, longer);
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 3; ++j)
            CHECK(turned[0].ntk[j * 2 + i] == Approx(found[0].ntk[i * 3 + j]).epsilon(1e-13));
    // A last-state network that starts with zero tokens is the shorter one (no bias, relu): D of equal times from the end.
    const std::string last =
        "program last\ninput xi : R[T, d]\nmatrix W ~ N(0, 2/n)\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\n"
        "s[0] = 0\nfor t in 1..T { s[t] = relu(W @ s[t-1] + U @ xi[t]) }\noutput v' @ s[T] / sqrt(n)\n";
    Set padded{2, {{"T", 5}, {"d", 2}}, {{}}}, tails{2, {{"T", 3}, {"d", 2}}, {{}}};
    for (std::size_t s = 0; s < 2; ++s)
        for (std::size_t k = 0; k < 10; ++k) {
            padded.inputs[0].push_back(k < 4 ? 0 : longer.inputs[0][10 * s + k]);
            if (k >= 4)
                tails.inputs[0].push_back(longer.inputs[0][10 * s + k]);
        }
    CHECK(tests::deviation(kernels(last, padded, shorter), kernels(last, tails, shorter)) < 1e-13);
}

TEST_CASE("output families and several outputs") {
    const Program& program = programs().back();
    const Set left = samples(program, 2, 10), right = samples(program, 4, 11);
    const auto found = kernels(program.text, left, right);
    REQUIRE(found.size() == 2);
    CHECK(found[0].shape == std::vector<std::size_t>{2, 3, 4, 3});
    CHECK(found[1].shape == std::vector<std::size_t>{2, 4});
    const std::string head = program.text.substr(0, program.text.find("output each"));
    for (std::size_t t = 1; t <= 3; ++t) { // one of the family alone
        const auto alone = kernels(head + "output v' @ s[" + std::to_string(t) + "] / sqrt(n) + c\n", left, right);
        for (std::size_t i = 0; i < 2; ++i)
            for (std::size_t j = 0; j < 4; ++j)
                CHECK(found[0].ntk[((i * 3 + t - 1) * 4 + j) * 3 + t - 1] == Approx(alone[0].ntk[i * 4 + j]).epsilon(1e-14));
    }
    const auto last = kernels(head + "output 2 * (w' @ s[T] / sqrt(n)) - v' @ s[1] / sqrt(n) + 1\n", left, right);
    CHECK(tests::deviation({last[0]}, {found[1]}) < 1e-14);
    // nngp = 4 * 2 C(s[T], s[T]) + C(s[1], s[1]) + 1, the each-kernel being C + 0.3
    for (std::size_t i = 0; i < 2; ++i)
        for (std::size_t j = 0; j < 4; ++j) {
            const auto state = [&](std::size_t t) { return found[0].nngp[((i * 3 + t) * 4 + j) * 3 + t] - 0.3; };
            CHECK(found[1].nngp[i * 4 + j] == Approx(8 * state(2) + state(0) + 1));
        }
    tests::Settings only;
    only.options.nngp = false;
    const auto without = kernels(program.text, left, right, only);
    CHECK(without[0].nngp.empty());
    CHECK(without[0].ntk == found[0].ntk);
    only.options = {};
    only.options.ntk = false;
    const auto covariances = kernels(program.text, left, right, only);
    CHECK(covariances[0].ntk.empty());
    CHECK(tests::deviation(covariances[0].nngp, found[0].nngp) < 1e-14); // without T rows are others
}

TEST_CASE("what is out of reach is an error, not a number") {
    const auto outcome = [](const std::string& function, double scale) {
        const Set set{2, {{"d", 1}}, {{1, scale}}};
        return tests::evaluate("program p\ninput xi : R[d]\nmatrix U ~ N(0, 1/d)\nvector v ~ N(0, 1)\noutput v' @ " +
                                   function + " / sqrt(n)\n",
                               set, nullptr);
    };
    for (const auto& [function, scale] : std::vector<std::pair<std::string, double>>{
             {"tanh(U @ xi)", 1}, {"tanh(U @ xi)", 1e4}, {"relu(tanh(U @ xi))", 1}, {"elu(U @ xi)", 30}}) {
        INFO(function);
        CHECK_FALSE(outcome(function, scale).error);
    }
    for (const auto& [function, scale] : std::vector<std::pair<std::string, double>>{
             {"log(U @ xi)", 1}, {"exp((U @ xi)^2)", 1}, {"relu(1 / (U @ xi))", 1}}) {
        INFO(function);
        const auto found = outcome(function, scale);
        REQUIRE(found.error);
        CHECK(found.error->no_limit);
        CHECK(found.outputs.empty());
        CHECK_FALSE(found.error->text.empty());
    }
}
