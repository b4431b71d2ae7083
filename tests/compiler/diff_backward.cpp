#include "check_program.hpp"

#include "compiler/diff/backward.hpp"

#include <catch2/catch.hpp>

using namespace tpc;

namespace {

// The backward half without the forward program and the opening remark, columns squeezed: "equation | domain".
std::string backward(const std::string& text) {
    const test::Checked checked = test::check_text(text);
    CHECK(checked.reasons() == "");
    const diff::Backward result = diff::differentiate(checked.program, checked.verdict.terms);
    std::string printed = diff::print(result);
    printed = printed.substr(printed.find("\n# gradients") + 1);
    printed = printed.substr(printed.find('\n') + 1);
    std::string squeezed;
    for (std::size_t i = 0; i < printed.size(); ++i) {
        if (printed.compare(i, 2, "  ") != 0) {
            squeezed += printed[i];
            continue;
        }
        squeezed += " | ";
        i = printed.find_first_not_of(' ', i) - 1;
    }
    return squeezed;
}

std::string convolution(const std::string& mode, const std::string& depth = "3") {
    return backward("program cnn(L: int = " + depth + ")\n" +
                    R"(input xi : R[P, d]
matrix U ~ N(0, 1/d); matrix K[l in 2..L, a in -1..1] ~ N(0, 1/n); vector v ~ N(0, 1)
for i in 1..P { h[1,i] = U @ xi[i]; x[1,i] = relu(h[1,i]) }
for l in 2..L, i in 1..P { h[l,i] = sum(a in -1..1: K[l,a] @ x[l-1,i+a | )" +
                    mode + "]); x[l,i] = relu(h[l,i]) }\noutput v' @ mean(i in 1..P: x[L,i]) / sqrt(n)");
}

} // namespace

TEST_CASE("the backward half of an mlp") {
    CHECK(backward(R"(program mlp(L: int = 3)
input xi : R[d]
matrix U ~ N(0, 1/d); matrix W[l in 2..L] ~ N(0, 1/n); vector b[l in 1..L] ~ N(0, 1); vector v ~ N(0, 1)
h[1] = U @ xi + b[1]
x[1] = tanh(h[1])
for l in 2..L { h[l] = W[l] @ x[l-1] + b[l]; x[l] = tanh(h[l]) }
output v' @ x[L] / sqrt(n)
)") == R"(d.x[3] = v
d.h[l] = d.x[l] * tanh'(h[l]) | l in 2..3
d.x[l] = W[l+1]' @ d.h[l+1] | l in 1..2
d.h[1] = d.x[1] * tanh'(h[1])
)");
}

TEST_CASE("the backward half of recurrent networks") {
    const std::string head =
        "program rnn\ninput xi : R[T, d]\nmatrix U ~ N(0, 1/d); matrix W ~ N(0, 1/n); vector v ~ N(0, 1)\n"
        "s[0] = 0\n";
    CHECK(
        backward(head + "for t in 1..T { g[t] = W @ s[t-1] + U @ xi[t]; s[t] = tanh(g[t]) }\noutput v' @ s[T] / sqrt(n)") ==
        R"(d.s[T] = v
d.g[t] = d.s[t] * tanh'(g[t]) | t in 1..T
d.s[t] = W' @ d.g[t+1] | t in 0..T-1
)");
    // Steps that are not named compose; the average readout and the recurrence meet in the same elements.
    CHECK(backward(head +
                   "for t in 1..T { s[t] = tanh(W @ s[t-1] + U @ xi[t]) }\noutput v' @ mean(t in 1..T: s[t]) / sqrt(n)") ==
          R"(d.s[t] = v / T | t in 1..T
d.s[t] += W' @ (d.s[t+1] * tanh'(W @ s[t] + U @ xi[t+1])) | t in 0..T-1
)");
    // Time runs backward.
    CHECK(backward(head + "r[T+1] = 0\nfor t in 1..T { r[T+1-t] = W @ r[T+2-t] + U @ xi[t] }\noutput v' @ r[1] / sqrt(n)") ==
          "d.r[1] = v\nd.r[t] = W' @ d.r[t-1] | t in 2..T+1\n");
}

TEST_CASE("convolutions: an index mode becomes a mode or a condition of the gradient") {
    const auto expected = [](const std::string& middle) {
        return "d.x[3,i] = v / P | i in 1..P\n"
               "d.h[l,i] = d.x[l,i] * relu'(h[l,i]) | l in 2..3, i in 1..P\n" +
               middle + " | l in 1..2, i in 1..P\nd.h[1,i] = d.x[1,i] * relu'(h[1,i]) | i in 1..P\n";
    };
    CHECK(convolution("zero") == expected("d.x[l,i] = sum(a in -1..1: K[l+1, a]' @ d.h[l+1, i-a | zero])"));
    CHECK(convolution("wrap") == expected("d.x[l,i] = sum(a in -1..1: K[l+1, a]' @ d.h[l+1, i-a | wrap])"));
    CHECK(convolution("clamp") ==
          expected("d.x[l,i] = sum(i_2 in 1..P, a in -1..1, clamp(i_2+a) == i: K[l+1, a]' @ d.h[l+1,i_2])"));
}

TEST_CASE("the text has the same lines at every depth") {
    std::string deep = convolution("zero", "30");
    for (const auto& [from, to] : {std::pair{"d.x[30,", "d.x[3,"}, {"..30", "..3"}, {"..29", "..2"}})
        for (std::size_t at; (at = deep.find(from)) != std::string::npos;)
            deep.replace(at, std::string(from).size(), to);
    CHECK(deep == convolution("zero", "3"));
}

TEST_CASE("strides, valid windows and weights that depend on the position keep their conditions") {
    const std::string head =
        "program p(P: int = 4)\ninput xi : R[Q, d]\nmatrix U ~ N(0, 1/d); matrix K[a in -1..1] ~ N(0, 1/n)\n"
        "matrix G[i in 1..Q, a in -1..1] ~ N(0, 1/n)\nvector v ~ N(0, 1)\nfor i in 1..Q { x[i] = U @ xi[i] }\n";
    CHECK(backward(head + "for p in 1..P { y[p] = sum(a in -1..1: K[a] @ x[2*p+a-1 | zero]) }\n"
                          "output v' @ sum(p in 1..P: y[p]) / sqrt(n)") ==
          "d.y[p] = v | p in 1..4\nd.x[i] = sum(p in 1..4, a in -1..1, i == 2*p+a-1: K[a]' @ d.y[p]) | i in 1..Q\n");
    CHECK(backward(head + "for i in 1..Q { y[i] = sum(a in -1..1: G[i,a] @ x[i+a | zero]) }\n"
                          "output v' @ sum(i in 1..Q: y[i]) / sqrt(n)") ==
          "d.y[i] = v | i in 1..Q\n"
          "d.x[i] = sum(a in -1..1, i >= a+1, i <= Q+a: G[i-a, a]' @ d.y[i-a]) | i in 1..Q\n");
    CHECK(backward(head + "for i in 1..Q-2 { y[i] = x[i] - 3 * x[i+2] }\noutput v' @ sum(i in 1..Q-2: y[i]) / sqrt(n)") ==
          "d.y[i] = v | i in 1..Q-2\nd.x[i] = d.y[i] | i in 1..Q-2\nd.x[i] += -3 * d.y[i-2] | i in 3..Q\n");
}

TEST_CASE("causal attention: scalars are left out, triangles turn over") {
    CHECK(backward(R"(program causal(L: int = 3)
input xi : R[T, d]
matrix E ~ N(0, 1/d); matrix A[l in 1..L] ~ N(0, 1/n); vector v ~ N(0, 1)
for l in 1..L {
    for t in 1..T { if l == 1 { k[l,t] = E @ xi[t] } else { k[l,t] = A[l] @ x[l-1,t] } }
    for t in 1..T, r in 1..t { e[l,t,r] = k[l,t]' @ k[l,r] / n }
    for t in 1..T { x[l,t] = k[l,t] + sum(r in 1..t: exp(e[l,t,r]) * k[l,r]) }
}
output v' @ x[L,T] / sqrt(n)
)") == R"(# gradients through scalars (averages over coordinates) vanish in the limit and are left out
d.x[3,T] = v
d.k[l,t] = d.x[l,t] | l in 1..3, t in 1..T
d.k[l,r] += sum(t in r..T: exp(e[l,t,r]) * d.x[l,t]) | l in 1..3, r in 1..T
d.x[l,t] = A[l+1]' @ d.k[l+1,t] | l in 1..2, t in 1..T
)");
}

TEST_CASE("gates, data as coefficients, several outputs") {
    CHECK(backward(R"(program p
input xi : R[N, d]
input A : R[N, N]
matrix W ~ N(0, 1/n); matrix U ~ N(0, 1/d); vector v[i in 1..N] ~ N(0, 1)
for i in 1..N { x[i] = U @ xi[i]; z[i] = sigmoid(x[i]) * x[i] }
for i in 1..N { y[i] = sum(j in 1..N: A[i,j] * (W @ z[j])) }
output f[i in 1..N] = v[i]' @ y[i] / sqrt(n)
output g = 2 * v[1]' @ mean(i in 1..N: z[i]) / sqrt(n)
)") == R"(# of output f[i in 1..N]:
d.y[i] = v[i]
# of output g:
d.z[i] = 2 * v[1] / N | i in 1..N
# of every output:
d.z[j] += sum(i in 1..N: A[i,j] * W' @ d.y[i]) | j in 1..N
d.x[i] = d.z[i] * x[i] * sigmoid'(x[i]) | i in 1..N
d.x[i] += d.z[i] * sigmoid(x[i]) | i in 1..N
)");
}

TEST_CASE("a factor of a product receives all other factors") {
    CHECK(backward(R"(program p
input xi : R[T, d]
matrix U ~ N(0, 1/d); vector v ~ N(0, 1)
for t in 1..T { h[t] = U @ xi[t] }
y = prod(t in 1..T: h[t])
output v' @ y / sqrt(n)
)") == R"(d.y = v
d.h[t] = d.y * prod(t_2 in 1..t-1: h[t_2]) * prod(t_3 in t+1..T: h[t_3]) | t in 1..T
)");
    CHECK(backward(R"(program p
input xi : R[T, d]
matrix U ~ N(0, 1/d); matrix W ~ N(0, 1/n); vector v ~ N(0, 1)
for t in 1..T, r in 1..t { h[t,r] = U @ xi[t] + U @ xi[r] }
y = prod(t in 1..T, r in 1..t: 0.5 * W @ h[t,r])
output v' @ y / sqrt(n)
)") == R"(d.y = v
d.h[t,r] = 0.5 * W' @ (d.y * prod(t_2 in 1..t-1, r_2 in 1..t_2: 0.5 * W @ h[t_2,r_2]) * prod(t_3 in t+1..T, r_3 in 1..t_3: 0.5 * W @ h[t_3,r_3]) * prod(r_4 in 1..r-1: 0.5 * W @ h[t,r_4]) * prod(r_5 in r+1..t: 0.5 * W @ h[t,r_5])) | t in 1..T, r in 1..t
)");
}

TEST_CASE("the largest and the smallest term receive all of the gradient") {
    CHECK(backward(R"(program p
input xi : R[N, d]
matrix U ~ N(0, 1/d); vector v ~ N(0, 1)
for i in 1..N { h[i] = U @ xi[i] }
y = max(i in 1..N: h[i])
output v' @ y / sqrt(n)
)") == R"(d.y = v
d.h[i] = d.y * prod(i_2 in 1..i-1: step(h[i] - h[i_2])) * prod(i_3 in i+1..N: step(h[i] - h[i_3])) | i in 1..N
)");
    CHECK(backward(R"(program p
input xi : R[N, d]
matrix U ~ N(0, 1/d); vector v ~ N(0, 1)
for i in 1..N { h[i] = U @ xi[i] }
y = min(i in 1..N: h[i]^2)
output v' @ y / sqrt(n)
)") == R"(d.y = v
d.h[i] = d.y * prod(i_2 in 1..i-1: step(h[i_2]^2 - h[i]^2)) * prod(i_3 in i+1..N: step(h[i_3]^2 - h[i]^2)) * (2 * h[i]) | i in 1..N
)");
}
