// Random well-formed programs for the tests: a small description that prints as .tp source and that can be cut down while
// a failure stays. All of them pass the simple GIA check. Every argument of a nonlinearity is a linear combination of
// Gaussians, so that the limit needs no more than dual kernels of one Gaussian on each side; but for coupled programs,
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
    // of odd programs:
    located,  // g[i] = A[i+1 | mode] x[i], a matrix for each position
    gathered, // g[i] = sum(j: adj[i, j] * (A @ x[j]))
    twin,     // A x[i] beside functions of A x[i], of A x[i+1 | mode] or of A x[i] + B x[i]
    window,   // sum(a in -1..1: (0.5 + 0.2 a) phi(x[i+a | mode])), no parameters
    masked,   // x[i] or x of another position, as the data choose
    // of coupled programs, where functions of several Gaussians that depend on each other meet:
    maxout,     // max(A x, B x, 0.5 A x - 0.2 B x)
    highway,    // z phi(B x) + (1 - z) x, z = sigmoid(A x)
    product,    // phi(g) psi(0.5 g + B x), g = A x
    neighbours, // phi(g[i]) psi(g[i-1 | wrap]) + 0.3 g[i]
    batch,      // phi((g - mean over positions) / sqrt(variance over positions + 0.1))
    rescaled,   // phi((x - avg(x)) / sqrt(avg((x - avg(x))^2) + 0.1)), no parameters
    gru,        // s[i] = (1 - z) s[i-1] + z phi(C s[i-1] + D x[i]), z = sigmoid(A s[i-1] + B x[i])
};

// What the first layer reads: the data, or vectors computed from them.
enum class DataKind : std::uint8_t { plain, shifted, prefixes, windows, centred, normalised, chained, mixed };

// moved: one for each position, that of position i read at i+1 | mode.
enum class BiasKind : std::uint8_t { none, one, located, with_mean, moved };

inline constexpr unsigned factor_count = 11;

// Every member's default is its simplest value.
struct Layer {
    LayerKind kind = LayerKind::dense;
    unsigned activation = 0; // into the list of activations; 0 is relu
    unsigned second = 0;     // gated, and mixed layers
    unsigned repeat = 1;     // a loop over so many layers of this kind
    unsigned radius = 1;
    unsigned mode = 0; // zero, wrap, clamp
    BiasKind bias = BiasKind::none;
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
    bool ones = false;      // dense and recurrent: + 0.4 A 1
    unsigned inner = 0;     // the matrix reads an activation of x: 1 is relu
    unsigned factor = 0;    // times a reduction of numbers or of data, into a list; 0 is none
    unsigned form = 0;      // twin, window, masked: how it is written
    friend bool operator==(const Layer&, const Layer&) = default;
};

// moved: sum(i: v[i+1 | mode]' x[i]) + v[1]' x[1]; constant: v' (x - 0.5) + v' 1 / P; named: y[i] = v' x[i] under a name;
// accumulated: y[i] = xi[i, 1] y[i-1] + v' x[i], read at the end and under a mode.
enum class OutputKind : std::uint8_t {
    mean,
    first,
    each,
    weighted,
    two_readouts,
    moment,
    moved,
    constant,
    named,
    accumulated
};
// moved: sum(i: xi[i, 1] c[i-1 | mode]).
enum class OutputBias : std::uint8_t { none, one, with_mean, moved };

struct OutputSpec {
    OutputKind kind = OutputKind::mean;
    OutputBias bias = OutputBias::none; // scalar parameters
    bool shared = false;                // reads with the first output's vector
    unsigned mode = 0;
    friend bool operator==(const OutputSpec&, const OutputSpec&) = default;
};

struct Spec {
    std::uint64_t seed = 0;
    DataKind data = DataKind::plain;
    Layer first; // reads the inputs: dense, convolution, and in odd programs located, gathered or twin
    std::vector<Layer> layers;
    std::vector<OutputSpec> outputs{OutputSpec{}};
    friend bool operator==(const Spec&, const Spec&) = default;
};

Spec random_spec(std::uint64_t seed);
Spec random_coupled_spec(std::uint64_t seed);
// With index modes on parameters, linear values beside functions of their twins, computed data, reductions of constants,
// means, readouts of constants: what a program may hold, and seldom does.
Spec random_odd_spec(std::uint64_t seed);

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
