// Sums over pairs that are factored give what the nested ones give.
#include "tests/execute/forms.hpp"

#include <catch2/catch.hpp>

using namespace tpc;
using tests::Program;

namespace {

const std::vector<Program>& programs() {
    static const std::vector<Program> all{
        {"a graph network",
         R"(program graph(L: int = 3)
input xi : R[P, d]
input A : R[P, P]
matrix U ~ N(0, 2/d)
matrix W[l in 2..L] ~ N(0, 2/n)
vector v ~ N(0, 1)
for i in 1..P { x[1,i] = relu(sum(j in 1..P: A[i,j] * (U @ xi[j]))) }
for l in 2..L, i in 1..P { x[l,i] = relu(sum(j in 1..P: A[i,j] * (W[l] @ x[l-1,j]))) }
output v' @ sum(i in 1..P: x[L,i]) / sqrt(n)
)",
         {{"P", 6}, {"d", 2}},
         {{"P", 4}, {"d", 2}}},
        {"a graph network over vectors that it computes from the inputs",
         R"(program computed
input xi : R[P, d]
input A : R[P, P]
matrix U ~ N(0, 2/d)
matrix W ~ N(0, 2/n)
vector v ~ N(0, 1)
for i in 1..P { u[i] = 2 * xi[i] + xi[1] }
for i in 1..P { x[i] = relu(sum(j in 1..P: A[i,j] * (U @ u[j]))) }
for i in 1..P { y[i] = relu(sum(j in 1..P: A[i,j] * (W @ x[j]))) }
output v' @ sum(i in 1..P: y[i]) / sqrt(n)
)",
         {{"P", 6}, {"d", 2}},
         {{"P", 4}, {"d", 2}}},
        {"attention with a residual, causal, and over neighbours that wrap around",
         R"(program attention
input xi : R[T, d]
input A : R[T, T]
matrix U ~ N(0, 1/d)
matrix V ~ N(0, 1/n)
matrix W ~ N(0, 2/n)
vector v ~ N(0, 1)
for t in 1..T { x[t] = erf(U @ xi[t]) }
for t in 1..T { u[t] = V @ x[t] }
for t in 1..T { y[t] = relu(u[t] + sum(r in 1..T: A[t,r] * u[r]) + u[t]) }
for t in 1..T { z[t] = W @ tanh(V @ sum(r in 1..t: A[r,t] * y[r])) }
for t in 1..T { w[t] = relu(sum(a in -2..2, b in 0..1: A[t,a+3] * z[t+a+b | wrap])) }
output f[t in 1..T] = v' @ w[t] / sqrt(n)
)",
         {{"T", 6}, {"d", 2}},
         {{"T", 5}, {"d", 2}}},
        {"products with matrices that are only mixed and added to others",
         R"(program repeated(L: int = 3)
input xi : R[T, d]
input A : R[T, T]
matrix E ~ N(0, 1/d)
matrix U[l in 2..L] ~ N(0, 1.5/n)
matrix B[l in 1..L] ~ N(0, 0.7/n)
vector v ~ N(0, 1)
for l in 1..L {
    for t in 1..T { if l == 1 { k[l,t] = E @ xi[t] } else { k[l,t] = U[l] @ x[l-1,t] } }
    for t in 1..T { y[l,t] = k[l,t] + sum(r in 1..T: A[t,r] * k[l,r]) }
    for t in 1..T { x[l,t] = B[l] @ relu(y[l,t]) - 0.5 * k[l,t] }
}
output v' @ sum(t in 1..T: x[L,t]) / sqrt(n)
)",
         {{"T", 6}, {"d", 2}},
         {{"T", 4}, {"d", 2}}},
        {"multiples of whole sums, of either sign",
         R"(program multiples(L: int = 3)
input xi : R[T, d]
input A : R[T, T]
matrix E ~ N(0, 1/d)
matrix U[l in 2..L] ~ N(0, 1.5/n)
matrix B[l in 1..L] ~ N(0, 0.7/n)
vector v ~ N(0, 1)
for l in 1..L {
    for t in 1..T { if l == 1 { k[l,t] = E @ xi[t] } else { k[l,t] = U[l] @ x[l-1,t] } }
    for t in 1..T { y[l,t] = k[l,t] + sum(r in 1..T: A[t,r] * k[l,r]) }
    for t in 1..T { z[l,t] = A[1,t] * y[l,t] }
    for t in 1..T { x[l,t] = A[t,t] * (B[l] @ relu(z[l,t]) + z[l,t]) }
}
output v' @ sum(t in 1..T: A[t,1] * x[L,t]) / sqrt(n)
)",
         {{"T", 6}, {"d", 2}},
         {{"T", 4}, {"d", 2}}},
        {"multiples of sums of different functions, which are read elsewhere as well",
         R"(program shared
input xi : R[T, d]
input A : R[T, T]
matrix U ~ N(0, 2/d)
matrix W ~ N(0, 1/n)
matrix V ~ N(0, 1/n)
vector v ~ N(0, 1)
for t in 1..T { k[t] = relu(U @ xi[t]) }
for t in 1..T { y[t] = W @ k[t] + sum(r in 1..T: A[t,r] * (V @ k[r])) }
for t in 1..T { z[t] = A[t,t] * y[t] }
for t in 1..T { x[t] = relu(z[t]) + 0.3 * z[t] + erf(y[t]) }
output v' @ sum(t in 1..T: A[1,t] * x[t]) / sqrt(n)
)",
         {{"T", 6}, {"d", 2}},
         {{"T", 4}, {"d", 2}}},
        {"overlapping pools with edges, after convolutions",
         R"(program pools
input xi : R[P, Q, c]
matrix K[a in -1..1, b in -1..1] ~ N(0, 2/(9*c))
matrix W ~ N(0, 2/n)
matrix V ~ N(0, 1/n)
vector v ~ N(0, 1)
for i in 1..P, j in 1..Q { x[i,j] = relu(sum(a in -1..1, b in -1..1: K[a,b] @ xi[i+a, j+b | zero])) }
for i in 1..P, j in 1..Q { y[i,j] = V @ relu(W @ mean(a in -1..1, b in -1..1: x[i+a, j+b | zero])) }
for i in 1..P, j in 1..Q { z[i,j] = erf(sum(a in -1..1, b in 0..1: y[i+a, j+b | clamp]) / 9) }
output v' @ mean(i in 1..P, j in 1..Q: z[i,j]) / sqrt(n)
)",
         {{"P", 5}, {"Q", 4}, {"c", 2}},
         {{"P", 4}, {"Q", 5}, {"c", 2}}},
        {"a recurrence over means of all states so far",
         R"(program memory
input xi : R[T, d]
input A : R[T, T]
matrix U ~ N(0, 1/d)
matrix W ~ N(0, 1/n)
vector v ~ N(0, 1)
s[0] = 0
for t in 1..T { s[t] = relu(U @ xi[t] + W @ sum(r in 0..t-1: s[r] * A[t,r+1])) }
output v' @ s[T] / sqrt(n)
)",
         {{"T", 8}, {"d", 2}},
         {{"T", 7}, {"d", 2}}},
        {"numbers of axes as weights, means that are not zero, two rates",
         R"(program weighted
input xi : R[T, d]
matrix U ~ N(0, 1/d) rate 0.5
matrix W ~ N(0, 2/n) rate 0.25
vector v ~ N(0, 1)
for t in 1..T { x[t] = relu(U @ xi[t]) + 0.25 }
for t in 1..T { y[t] = erf(W @ sum(r in 1..T: (x[r] + (0.5 * r) * x[t]) / (T + t))) }
output f[t in 1..T] = v' @ y[t] / sqrt(n)
)",
         {{"T", 6}, {"d", 2}},
         {{"T", 4}, {"d", 2}}},
    };
    return all;
}

} // namespace

TEST_CASE("factored sums give the kernels of the nested ones, and D does") {
    for (const Program& program : programs()) {
        INFO(program.name);
        CHECK(tests::plan_of(program.text, tests::random_set(program.text, 1, program.sizes, 3), nullptr).factored);
        tests::check_forms(program, tests::Settings::Form::nested, false, 1e-4);
    }
}
