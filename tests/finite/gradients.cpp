// Back-propagation against central differences of the forward pass.
#include "tests/finite/compile.hpp"

#include <catch2/catch.hpp>

using namespace tpc;

namespace {

using finite::Matrix;

bool is_matrix(const finite::Member& m) {
    return m.kind == ir::ParameterKind::matrix || m.kind == ir::ParameterKind::input_matrix;
}

// d/dt of every sample's f when the member moves along `direction`, from the gradients.
Matrix directional(const finite::Graph& graph, const finite::Forward& run, const finite::Gradients& gradients,
                   std::uint32_t member, const Matrix& direction) {
    Matrix result = Matrix::Zero(1, run.samples);
    if (!is_matrix(graph.members[member])) {
        if (gradients.vectors[member].size())
            result = direction.transpose() * gradients.vectors[member];
        return result;
    }
    for (const auto& factor : gradients.matrices[member]) {
        const finite::Node& use = graph.nodes[factor.use];
        const Matrix& operand = run.values[use.operands[0]];
        const Matrix moved = use.transposed ? Matrix(direction.transpose() * operand) : Matrix(direction * operand);
        result += moved.cwiseProduct(factor.adjoint).colwise().sum();
    }
    return result;
}

// Largest difference relative to the largest derivative.
double worst_error(const std::string& text) {
    const ir::Program program = tests::compile(text);
    const auto sizes = tests::sizes(program, {{"T", 3}, {"d", 4}});
    const finite::SampleSet set = tests::random_samples(program, sizes, 2, 5);
    const finite::Graph graph = finite::unroll(program, sizes);
    double worst = 0, largest = 0;
    finite::Draw draw(6, 11);
    const finite::Forward run = finite::forward(graph, set.data, draw);
    for (finite::NodeId output : graph.outputs[0].elements) {
        finite::Slopes slopes;
        const finite::Gradients gradients = finite::backward(graph, run, output, draw, slopes);
        for (std::uint32_t m = 0; m < graph.members.size(); ++m) {
            const finite::Member& member = graph.members[m];
            const Matrix base = is_matrix(member) ? draw.matrix(member) : Matrix(draw.vector(member));
            const Matrix direction = Matrix::Random(base.rows(), base.cols());
            const auto moved = [&](double step) {
                finite::Draw other(6, 11);
                other.set(member, base + step * direction);
                return Matrix(finite::forward(graph, set.data, other).values[output]);
            };
            const double h = 1e-5;
            const Matrix expected = (moved(h) - moved(-h)) / (2 * h);
            worst = std::max(worst, (directional(graph, run, gradients, m, direction) - expected).cwiseAbs().maxCoeff());
            largest = std::max(largest, expected.cwiseAbs().maxCoeff());
        }
    }
    REQUIRE(largest > 1e-3);
    return worst / largest;
}

} // namespace

TEST_CASE("gradients pass through products, moments, reductions and index modes") {
    CHECK(worst_error(R"(program p
input xi : R[T, d]
matrix U ~ N(0, 1 / d)
matrix W ~ N(0, 1 / n)
matrix K[l in 1..2, a in -1..1] ~ N(0, 1 / (3 * n))
vector b ~ N(0.2, 0.3)
vector v ~ N(0, 1)
scalar c ~ N(0.5, 1)
s[0] = 0
for t in 1..T { s[t] = tanh(W @ s[t-1] + U @ xi[t] + b) }
for t in 1..T { x[1,t] = gelu(sum(a in -1..1: K[1,a] @ s[t+a | clamp])) }
for t in 1..T { x[2,t] = sigmoid(sum(a in -1..1: K[2,a] @ x[1,t+a | wrap])) }
for t in 1..T, r in 1..T { e[t,r] = x[2,t]' @ x[1,r] / n }
for t in 1..T {
    m[t] = logsumexp(r in 1..T: e[t,r])
    y[t] = sum(r in 1..T: exp(e[t,r] - m[t]) * x[1,r]) + max(r in 1..T: x[1,r]) * prod(r in 1..t: x[2,r])
    z[t] = (y[t] - avg(y[t])) / sqrt(avg((y[t] - avg(y[t]))^2) + 0.01)
}
u = mean(t in 1..T: (avg(z[t]^2 * b) + t) * xi[t])
w = W' @ (U @ u) + min(z[1], z[2]) + where(z[1] > z[3], z[2], 0.3)
output f[t in 1..T] = v' @ (w + z[t]) / sqrt(n) + c * avg(w) + u' @ xi[t] / d * c
)") < 1e-7);
}

TEST_CASE("gradients pass through every activation") {
    for (const char* activation : {"relu(z)",         "leaky_relu(z, 0.2)",
                                   "abs(z)",          "erf(z)",
                                   "erfc(z)",         "gelu(z)",
                                   "tanh(z)",         "sigmoid(z)",
                                   "softplus(z)",     "silu(z)",
                                   "elu(z)",          "sin(z)",
                                   "cos(z)",          "exp(z)",
                                   "log(2 + z^2)",    "sqrt(1 + square(z))",
                                   "hardtanh(z)",     "max(z, 0.2)",
                                   "min(z, 0.5 * z)", "z^3",
                                   "1 / (2 + z^2)",   "z * sigmoid(1.7 * z)"}) {
        INFO(activation);
        CHECK(worst_error("program p(phi = act)\ninput xi : R[d]\nmatrix U ~ N(0, 1 / d)\nmatrix W ~ N(0, 1 / n)\n"
                          "vector v ~ N(0, 1)\nfn act(z) = " +
                          std::string(activation) + "\noutput v' @ phi(W @ phi(U @ xi)) / sqrt(n)\n") < 1e-7);
    }
}
