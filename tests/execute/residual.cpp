// Sums that a residual reads and a nonlinearity as well are stored, and their dual kernels run on C alone.
#include "tests/execute/pipeline.hpp"

#include <catch2/catch.hpp>

using namespace tpc;
using tests::kernels;
using tests::Set;

namespace {

// Shortcuts by identity and by a strided convolution.
std::string residual(const std::string& phi) {
    const auto window = [](const std::string& matrix, const std::string& read) {
        return "sum(a in -1..1: " + matrix + "[a] @ " + read + ")";
    };
    return "program residual\ninput xi : R[8, d]\nmatrix K[a in -1..1] ~ N(0, 1/(3*d))\nmatrix A[a in -1..1] ~ N(0, "
           "2/(3*n))\n"
           "matrix B[a in -1..1] ~ N(0, 2/(3*n))\nmatrix S[a in -1..1] ~ N(0, 1/(3*n))\nvector v ~ N(0, 1)\n"
           "for i in 1..8 { x[i] = " +
           window("K", "xi[i+a | zero]") + " }\nfor i in 1..8 { y[i] = x[i] + " + window("A", phi + "(x[i+a | zero])") +
           " }\nfor i in 1..4 { z[i] = " + window("S", "y[2*i+a | zero]") + " + " + window("B", phi + "(y[2*i+a | zero])") +
           " }\noutput v' @ mean(i in 1..4: " + phi + "(z[i])) / sqrt(n)\n";
}

// Sample 0, the same, its opposite, twice that, one close by, and others.
Set samples(const std::string& text) {
    Set set = tests::random_set(text, 20, {{"d", 3}}, 5);
    std::vector<double>& x = set.inputs[0];
    const std::size_t size = x.size() / 20;
    for (std::size_t k = 0; k < size; ++k) {
        x[size + k] = x[k];
        x[2 * size + k] = -x[k];
        x[3 * size + k] = -2 * x[k];
        x[4 * size + k] = x[k] + 1e-6 * x[10 * size + k];
    }
    return set;
}

} // namespace

TEST_CASE("stored sums on C alone have the kernels of D") {
    for (const char* phi : {"relu", "abs", "erf", "tanh"}) {
        INFO(phi);
        const std::string text = residual(phi);
        const Set set = samples(text);
        tests::Settings backward, single;
        backward.options.via = execute::Via::D;
        single.options.single = true;
        const auto usual = kernels(text, set);
        CHECK(tests::deviation(usual, kernels(text, set, backward)) < 1e-10);
        CHECK(tests::deviation(kernels(text, set, single), usual) < 3e-6);
    }
}
