// Every program of examples/ that passes the check: its limit against networks, for one set of samples and for two whose
// axes differ wherever no matrix reads them.
#include "tests/finite/agreement.hpp"
#include "tests/finite/compile.hpp"
#include "tests/finite/limit.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

using namespace tpc;

namespace {

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Fails the check; several_gaussians.cpp has their like at sizes of its own.
const std::set<std::string> elsewhere{"average_readout", "batchnorm_mlp", "gru", "lstm"};

std::vector<std::filesystem::path> examples() {
    std::vector<std::filesystem::path> result;
    for (const auto& entry : std::filesystem::directory_iterator(TPC_SOURCE_DIR "/examples"))
        if (entry.path().extension() == ".tp" && !elsewhere.contains(entry.path().stem().string()))
            result.push_back(entry.path());
    std::ranges::sort(result);
    return result;
}

void agree(const std::string& text, const std::map<std::string, std::string>& defines = {}) {
    INFO(text);
    const ir::Program program = tests::compile(text, defines);
    const auto sizes = tests::sizes(program, {{"d", 3}, {"c", 2}, {"T", 3}, {"nodes", 3}, {"rows", 3}, {"cols", 2}});
    const auto others = tests::sizes(program, {{"d", 3}, {"c", 2}, {"T", 5}, {"nodes", 2}, {"rows", 2}, {"cols", 3}});
    const auto set = tests::random_samples(program, sizes, 2, 1), other = tests::random_samples(program, others, 2, 2);
    const auto check = [&](const finite::SampleSet* right) {
        const finite::Kernels limit = tests::limit(program, set, right);
        execute::Options backward;
        backward.via = execute::Via::D;
        CHECK(tests::difference(tests::limit(program, set, right, backward), limit) < 1e-9);
        const tests::Agreement agreement = tests::agreement(program, set, right, limit);
        INFO(agreement.table);
        CHECK(agreement.holds);
    };
    check(nullptr);
    check(&other);
}

} // namespace

TEST_CASE("the examples agree with networks") {
    REQUIRE(examples().size() > 10);
    for (const auto& path : examples())
        agree(read(path), path.stem() == "myrtle" ? std::map<std::string, std::string>{{"p", "1"}, {"q", "1"}}
                                                  : std::map<std::string, std::string>{});
}

TEST_CASE("small programs agree with networks") {
    const std::string head = R"(program p
input xi : R[T, d]
matrix A ~ N(0, 1 / d)
matrix B ~ N(0, 1 / n)
vector v ~ N(0, 1)
fn swish(z) = z * sigmoid(1.7 * z)
for t in 1..T { g[t] = A @ xi[t] }
)";
    const std::string output = "output v' @ sum(t in 1..T: x[t]) / sqrt(n)\n";
    for (const std::string body : {
             // a Moment beside a readout, which no vector reads
             "output f[t in 1..T] = (1 + avg(relu(g[t])^2)) * v' @ relu(g[1]) / sqrt(n)\n",
             // an output that sums up as it goes
             "f[0] = 0.5\nfor t in 1..T { f[t] = xi[t,1] * f[t-1] + v' @ relu(g[t]) / sqrt(n) }\noutput f[T]\n",
             // a finite vector of a finite vector
             "u = mean(t in 1..T: xi[t])\noutput v' @ relu(A @ (2 * u) + B @ relu(g[T])) / sqrt(n)\n",
             // a nonlinearity outside its family is phi(0)
             "for t in 1..T { x[t] = sigmoid(g[t+1 | zero]) + relu(g[t-1 | wrap]) }\n",
             // products of neighbours, their means too
             "for t in 1..T { h[t] = B @ relu(g[t]) }\n"
             "for t in 1..T { y[t] = cos(h[t+1 | zero]) * relu(g[t-1 | clamp]) }\nfor t in 1..T { x[t] = y[t] + 0.5 }\n",
             // positions that meet no equal one in a sequence of another length
             "vector b[t in 1..T] ~ N(0, 0.5)\ns[T+1] = 0\n"
             "for t in 1..T { s[T+1-t] = relu(B @ s[T+2-t] + g[T+1-t] + b[t]) }\n"
             "output v' @ s[1] / sqrt(n)\n",
             "matrix M[t in 1..T] ~ N(0, 1 / n)\noutput v' @ abs(sum(t in 1..T: M[t] @ relu(g[t]))) / sqrt(n)\n",
             // kinks and a series in one sum
             "for t in 1..T { x[t] = 0.6 * relu(g[t]) - 0.5 * (sigmoid(g[t]) - 0.2) }\n",
             // one unnamed preactivation, read twice
             "for t in 1..T { x[t] = xi[1, 1] * swish(B @ relu(g[t])) }\n",
         })
        agree(head + body + (body.find("output") == std::string::npos ? output : ""));
}

// A sample of zeros: every position holds the same vector b, up to rounding.
TEST_CASE("differences of equal vectors have no variance") {
    const ir::Program program = tests::compile(R"(program p
input xi : R[T, d]
matrix A ~ N(0, 1 / d)
matrix B ~ N(0, 1 / n)
vector b ~ N(0, 0.2)
vector v ~ N(0, 1)
for t in 1..T { x[t] = B @ relu(A @ xi[t] + b) }
for t in 1..T { y[t] = x[t] - mean(r in 1..T: x[r]) }
output f[t in 1..T] = v' @ relu(y[t] / sqrt(avg(y[t]^2) + 0.1)) / sqrt(n)
)");
    auto set = tests::random_samples(program, tests::sizes(program, {{"T", 5}, {"d", 3}}), 2, 1);
    std::fill_n(set.data[0].values.begin(), set.data[0].values.size() / 2, 0.0);
    const finite::Kernels limit = tests::limit(program, set);
    for (const finite::Tensor* kernel : {&limit[0].nngp, &limit[0].ntk}) {
        CHECK(std::ranges::all_of(kernel->values, [](double value) { return std::isfinite(value); }));
        CHECK(std::abs(kernel->values[0]) < 1e-12);
    }
}

// Each jump takes the root of the distance to perfect correlation: any error would grow to 1e-16^(1/16).
TEST_CASE("a sample is perfectly correlated with itself and its copies") {
    const ir::Program program = tests::compile(R"(program p
input xi : R[T, d]
matrix A ~ N(0, 1 / d)
matrix B ~ N(0, 1 / n)
vector v ~ N(0, 1)
for t in 1..T { x[t] = 0.6 * relu(A @ xi[t]) + 0.5 * tanh(A @ xi[t]) }
s[0] = 0
for t in 1..T { s[t] = sign(B @ s[t-1] + B @ x[t]) }
output v' @ s[T] / sqrt(n)
)");
    auto set = tests::random_samples(program, tests::sizes(program, {{"T", 4}, {"d", 3}}), 3, 1);
    std::copy_n(set.data[0].values.begin(), 12, set.data[0].values.begin() + 24); // the third is the first
    for (bool single : {false, true})
        for (const finite::SampleSet* right : std::initializer_list<const finite::SampleSet*>{nullptr, &set}) {
            execute::Options options;
            options.single = single;
            const finite::Kernels limit = tests::limit(program, set, right, options);
            for (std::size_t entry : {0, 2, 4, 6, 8})
                CHECK(limit[0].nngp.values[entry] == Approx(1).epsilon(1e-6));
        }
}
