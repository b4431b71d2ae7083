// Independent planes give what the whole arrays give.
#include "tests/execute/forms.hpp"

#include <catch2/catch.hpp>

using namespace tpc;
using tests::Program;

namespace {

const std::vector<Program>& programs() {
    static const std::vector<Program> all{
        {"convolutions, pooled at the end, with residuals",
         R"(program residual
input xi : R[P, Q, c]
matrix K1[a in -1..1, b in -1..1] ~ N(0, 2/(9*c))
matrix K[l in 2..4, a in -1..1, b in -1..1] ~ N(0, 1/(9*n))
vector v ~ N(0, 1)
for i in 1..P, j in 1..Q { x[1,i,j] = relu(sum(a in -1..1, b in -1..1: K1[a,b] @ xi[i+a, j+b | zero])) }
for l in 2..4, i in 1..P, j in 1..Q {
    x[l,i,j] = x[l-1,i,j] + tanh(sum(a in -1..1, b in -1..1: K[l,a,b] @ x[l-1, i+a, j+b | zero]))
}
output v' @ mean(i in 1..P, j in 1..Q: x[4,i,j]) / sqrt(n)
)",
         {{"P", 4}, {"Q", 3}, {"c", 2}},
         {{"P", 3}, {"Q", 5}, {"c", 2}}},
        {"pools between convolutions, a dense layer on rows' means",
         R"(program pools
input xi : R[4, Q, c]
matrix K1[a in -1..1] ~ N(0, 2/(3*c))
matrix K2[a in -1..1] ~ N(0, 2/(3*n))
matrix W ~ N(0, 1/n)
vector b ~ N(0, 0.1)
vector v ~ N(0, 1)
for i in 1..4, j in 1..Q { x1[i,j] = relu(sum(a in -1..1: K1[a] @ xi[i+a, j | zero])) }
for i in 1..2, j in 1..Q { y1[i,j] = mean(a in -1..0: x1[2*i+a, j]) }
for i in 1..2, j in 1..Q { x2[i,j] = relu(sum(a in -1..1: K2[a] @ y1[i+a, j | zero])) }
for i in 1..2 { r[i] = relu(W @ mean(j in 1..Q: x2[i,j]) + b) }
output v' @ mean(i in 1..2: r[i]) / sqrt(n)
)",
         {{"Q", 3}, {"c", 2}},
         {{"Q", 4}, {"c", 2}}},
        {"a recurrent network in both directions, averaged",
         R"(program both
input xi : R[T, d]
matrix W ~ N(0, 1/n)
matrix V ~ N(0, 1/n)
matrix U ~ N(0, 1/d)
vector v ~ N(0, 1)
vector u ~ N(0, 1)
s[0] = 0
r[T+1] = 0
for t in 1..T { s[t] = relu(W @ s[t-1] + U @ xi[t]) }
for k in 1..T { r[T+1-k] = erf(V @ r[T+2-k] + U @ xi[T+1-k]) }
output v' @ mean(t in 1..T: s[t]) / sqrt(n) + u' @ mean(t in 1..T: r[t]) / sqrt(n)
)",
         {{"T", 5}, {"d", 2}},
         {{"T", 3}, {"d", 2}}},
        {"sums over positions feed a nonlinearity and the readout",
         R"(program squeeze
input xi : R[P, c]
matrix K[a in 0..2] ~ N(0, 1/(3*c))
matrix W ~ N(0, 2/n)
vector v ~ N(0, 1)
for i in 1..P { x[i] = relu(sum(a in 0..2: K[a] @ xi[i+a | zero])) }
z = relu(sum(i in 1..P: W @ x[i]))
output v' @ z / sqrt(n)
)",
         {{"P", 6}, {"c", 2}},
         {{"P", 4}, {"c", 2}}},
        {"a sum over a triangle of positions",
         R"(program triangle
input xi : R[P, P, c]
matrix K[a in 0..1] ~ N(0, 1/(2*c))
vector v ~ N(0, 1)
for i in 1..P, j in 1..P { x[i,j] = relu(K[0] @ xi[i,j] + K[1] @ xi[i+1,j | zero]) }
output v' @ sum(i in 1..P, j in 1..i: x[i,j]) / sqrt(n)
)",
         {{"P", 4}, {"c", 2}},
         {{"P", 3}, {"c", 2}}},
        {"both indices of a diagonal go with the one of its argument",
         R"(program diagonal
input xi : R[T, d]
matrix U ~ N(0, 1/d)
vector v ~ N(0, 1)
for i in 2..T { y[i,i] = relu(U @ xi[i]) }
output v' @ sum(i in 1..T: i * y[i-1,i-1 | zero]) / sqrt(n)
)",
         {{"T", 4}, {"d", 2}},
         {{"T", 5}, {"d", 2}}},
    };
    return all;
}

} // namespace

TEST_CASE("planes apart give the kernels of the whole arrays, and D does") {
    for (const Program& program : programs())
        tests::check_forms(program, tests::Settings::Form::planes, true, 1e-5);
}
