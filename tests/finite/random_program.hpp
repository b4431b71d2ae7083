// Random well-formed programs for the tests: a small description that prints as .tp source and that can be cut down while
// a failure stays. All of them pass the simple GIA check. Every argument of a nonlinearity is a centred linear combination
// of Gaussians, so that the limit needs no more than dual kernels of one Gaussian on each side; but for coupled programs,
// which need expectations over several.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tpc::tests {

enum class LayerKind : std::uint8_t {
    dense,       // g[i] = A x[i]
    convolution, // g[i] = sum(a in -radius..radius: K[a] x[i+a | mode])
    strided,     // the same at every second position
    pooled,      // mean of two neighbours, half as many positions; no parameters
    recurrent,   // g[i] = A s[i-1] + B x[i]
    reversed,    // g[i] = A s[i+1] + B x[i]
    attention,   // softmax over scores k[i]'k[r]/n of keys k = A x
    gated,       // phi(A x) * psi(B x)
    block,       // x + A phi(B x)
    causal_mean, // mean(r in 1..i: x[r])
    graph,       // sum(j: adj[i, j] * x[j]), adj is data
    scaled,      // x times a Moment and a function of the position
    // of coupled programs, where functions of several Gaussians that depend on each other meet:
    maxout,     // max(A x, B x, 0.5 A x - 0.2 B x)
    highway,    // z phi(B x) + (1 - z) x, z = sigmoid(A x)
    product,    // phi(g) psi(0.5 g + B x), g = A x
    neighbours, // phi(g[i]) psi(g[i-1 | wrap]) + 0.3 g[i]
    batch,      // phi((g - mean over positions) / sqrt(variance over positions + 0.1))
    gru,        // s[i] = (1 - z) s[i-1] + z phi(C s[i-1] + D x[i]), z = sigmoid(A s[i-1] + B x[i])
};

// Every member's default is its simplest value.
struct Layer {
    LayerKind kind = LayerKind::dense;
    unsigned activation = 0; // into the list of activations; 0 is relu
    unsigned second = 0;     // gated, and mixed layers
    unsigned repeat = 1;     // a loop over so many layers of this kind
    unsigned radius = 1;
    unsigned mode = 0;  // zero, wrap, clamp
    unsigned bias = 0;  // none, one, one for each position
    unsigned group = 0; // dense: layers of a group > 0 share one matrix
    double variance = 1;
    bool mixed = false;      // 0.6 phi(g) + 0.5 psi(g)
    bool normalised = false; // phi(g / sqrt(avg(g^2) + 0.1))
    bool centred = false;    // phi(g[i] - mean over positions of g)
    bool residual = false;   // x + 0.7 phi(g)
    bool offset = false;     // phi(g) + 0.3
    bool transposed = false;
    bool condition = false; // another value at the last position
    bool causal = false;    // attention to earlier positions only
    unsigned training = 0;  // plain, frozen, rate 2
    friend bool operator==(const Layer&, const Layer&) = default;
};

struct OutputSpec {
    unsigned kind = 0; // mean over positions, first position, every position, weighted sum, two readouts, Moment coefficient
    bool bias = false; // + c, a scalar parameter
    bool shared = false; // reads with the first output's vector
    friend bool operator==(const OutputSpec&, const OutputSpec&) = default;
};

struct Spec {
    std::uint64_t seed = 0;
    Layer first; // reads the inputs: dense or convolution
    std::vector<Layer> layers;
    std::vector<OutputSpec> outputs{OutputSpec{}};
    friend bool operator==(const Spec&, const Spec&) = default;
};

Spec random_spec(std::uint64_t seed);
Spec random_coupled_spec(std::uint64_t seed);

// The bytes are the choices, and what is left to choose behind them is plain.
Spec spec_of(std::string_view bytes);

// Inputs are `xi : R[P, d]` and, if a layer is a graph, `adj : R[P, P]`; P is divisible by 2^(strided and pooled layers).
std::string source(const Spec& spec);
bool reads_graph(const Spec& spec);

// Descriptions that have one piece less.
std::vector<Spec> smaller(const Spec& spec);

// The description that no single cut makes smaller while it still fails.
Spec reduced(Spec spec, const std::function<bool(const Spec&)>& fails);

} // namespace tpc::tests
