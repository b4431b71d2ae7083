// The choices that make a random program.
#include "tests/finite/random_writer.hpp"

#include <array>
#include <random>

namespace tpc::tests {
namespace {

struct Chance {
    std::function<unsigned(unsigned)> below; // a number below that
    [[nodiscard]] bool one_in(unsigned n) const { return below(n) == 0; }
};

Layer random_layer(const Chance& chance, bool may_halve) {
    using enum LayerKind;
    constexpr std::array kinds{dense,     dense, dense, convolution, convolution, recurrent, recurrent, reversed,
                               attention, gated, block, causal_mean, graph,       scaled,    strided,   pooled};
    Layer layer;
    layer.kind = kinds[chance.below(may_halve ? kinds.size() : kinds.size() - 2)];
    if (has_matrices(layer.kind)) {
        layer.activation = chance.below(activation_count);
        layer.second = chance.below(activation_count);
        layer.variance = std::array{1.0, 0.6, 1.5}[chance.below(3)];
        layer.bias = chance.one_in(2) ? BiasKind::none : static_cast<BiasKind>(1 + chance.below(2));
        layer.transposed = chance.one_in(6);
        layer.training = chance.one_in(4) ? 1 + chance.below(2) : 0;
    }
    if (is_recurrent(layer.kind)) // exp of exp of ... has no variance that a double holds
        for (unsigned* activation : {&layer.activation, &layer.second})
            *activation %= activation_count - 1;
    if (repeats(layer.kind))
        layer.repeat = chance.one_in(4) ? 2 : 1;
    if (layer.kind == convolution || layer.kind == strided)
        layer.mode = chance.below(3);
    if (layer.kind == dense)
        layer.group = chance.one_in(2) ? 1 + chance.below(3) : 0;
    if (layer.kind == attention)
        layer.causal = chance.one_in(2);
    if (has_preactivation(layer.kind)) {
        layer.mixed = chance.one_in(6);
        layer.normalised = chance.one_in(5);
        layer.centred = !is_recurrent(layer.kind) && chance.one_in(8);
    }
    layer.residual = !halves(layer.kind) && layer.kind != block && chance.one_in(4);
    layer.offset = chance.one_in(8);
    layer.condition = !is_recurrent(layer.kind) && chance.one_in(8);
    return layer;
}

Spec chosen(const Chance& chance, std::uint64_t seed) {
    Spec spec;
    spec.seed = seed;
    spec.first.kind = chance.one_in(3) ? LayerKind::convolution : LayerKind::dense;
    spec.first.activation = chance.below(activation_count);
    spec.first.mode = chance.below(3);
    spec.first.bias = static_cast<BiasKind>(chance.below(3));
    spec.first.training = chance.one_in(4) ? 1 + chance.below(2) : 0;
    const unsigned depth = chance.below(4);
    unsigned halvings = 0;
    for (unsigned k = 0; k < depth; ++k) {
        spec.layers.push_back(random_layer(chance, halvings < 2));
        halvings += halves(spec.layers.back().kind) ? 1 : 0;
    }
    spec.outputs.resize(chance.one_in(4) ? 2 : 1);
    for (std::size_t o = 0; o < spec.outputs.size(); ++o) {
        OutputSpec& output = spec.outputs[o];
        output.kind = static_cast<OutputKind>(chance.below(6));
        output.bias = chance.one_in(4) ? OutputBias::one : OutputBias::none;
        output.shared = o > 0 && chance.one_in(2);
    }
    return spec;
}

// Makes some pieces of a program odd.
void make_odd(Spec& spec, const Chance& chance) {
    using enum LayerKind;
    if (chance.one_in(3))
        spec.data = static_cast<DataKind>(1 + chance.below(7));
    constexpr std::array firsts{located, gathered, twin, convolution};
    if (chance.one_in(3))
        spec.first.kind = firsts[chance.below(firsts.size())];
    const auto touch = [&](Layer& layer) {
        layer.form = chance.below(6);
        if (has_matrices(layer.kind) && chance.one_in(4))
            layer.bias = chance.one_in(2) ? BiasKind::with_mean : BiasKind::moved;
        layer.ones = chance.one_in(5);
        layer.inner = chance.one_in(5) ? 1 + chance.below(activation_count - 1) : 0;
        layer.factor = chance.one_in(5) ? 1 + chance.below(factor_count - 1) : 0;
        if (layer.kind == dense || layer.kind == recurrent || layer.kind == reversed)
            layer.mode = chance.below(3);
    };
    touch(spec.first);
    constexpr std::array kinds{located, gathered, twin, twin, twin, window, window, masked};
    for (Layer& layer : spec.layers) {
        if (!halves(layer.kind) && chance.one_in(2)) {
            layer.kind = kinds[chance.below(kinds.size())];
            layer.mode = chance.below(3);
            layer.group = 0;
            if (!repeats(layer.kind))
                layer.repeat = 1;
        }
        touch(layer);
    }
    // A function of what is not a function of one Gaussian would be sampled.
    const Layer* before = &spec.first;
    for (Layer& layer : spec.layers) {
        if (!has_preactivation(before->kind) || is_recurrent(before->kind) || before->residual || before->factor > 0) {
            layer.inner = 0;
            if (layer.kind == window)
                layer.kind = masked;
        }
        before = &layer;
    }
    if (chance.one_in(6))
        spec.outputs.emplace_back();
    for (std::size_t o = 0; o < spec.outputs.size(); ++o) {
        OutputSpec& output = spec.outputs[o];
        output.mode = chance.below(3);
        if (chance.one_in(2))
            output.kind = static_cast<OutputKind>(chance.below(10));
        if (chance.one_in(3))
            output.bias = static_cast<OutputBias>(chance.below(4));
        output.shared = o > 0 && chance.one_in(2);
    }
}

} // namespace

Spec random_spec(std::uint64_t seed) {
    std::mt19937_64 engine(seed * 0x9e3779b97f4a7c15U + 1);
    return chosen({[&](unsigned n) { return static_cast<unsigned>(engine() % n); }}, seed);
}

Spec random_odd_spec(std::uint64_t seed) {
    std::mt19937_64 engine(seed * 0x9e3779b97f4a7c15U + 2);
    Chance chance{[&](unsigned n) { return static_cast<unsigned>(engine() % n); }};
    Spec spec = chosen(chance, seed);
    make_odd(spec, chance);
    return spec;
}

Spec spec_of(std::string_view bytes) {
    const std::uint64_t seed = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(bytes.empty() ? 0 : 1);
    const auto below = [&](unsigned n) {
        if (bytes.empty())
            return n - 1; // which makes one_in false
        const unsigned value = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        return value % n;
    };
    Chance chance{below};
    Spec spec = chosen(chance, seed);
    if (!bytes.empty())
        make_odd(spec, chance);
    return spec;
}

// One or two coupled layers, perhaps with an ordinary one between or behind. exp and what is not defined by kinks or
// smoothness alone is left out: the sampled limit of a product of such would have no error worth stating.
Spec random_coupled_spec(std::uint64_t seed) {
    using enum LayerKind;
    std::mt19937_64 engine(seed * 0x9e3779b97f4a7c15U + 3);
    Chance chance{[&](unsigned n) { return static_cast<unsigned>(engine() % n); }};
    constexpr std::array kinds{maxout, highway, product, neighbours, batch, gru};
    constexpr std::array ordinary{dense, convolution, attention, block};
    constexpr unsigned bounded = 11; // of the activations, those before `step`
    Spec spec;
    spec.seed = seed;
    spec.first.activation = chance.below(bounded);
    const auto add = [&](LayerKind kind) {
        Layer layer;
        layer.kind = kind;
        layer.activation = chance.below(bounded);
        layer.second = chance.below(bounded);
        layer.variance = std::array{1.0, 0.6, 1.5}[chance.below(3)];
        layer.bias = chance.one_in(3) ? static_cast<BiasKind>(1 + chance.below(2)) : BiasKind::none;
        layer.training = chance.one_in(4) ? 1 + chance.below(2) : 0;
        layer.residual = kind != highway && kind != block && chance.one_in(4);
        spec.layers.push_back(layer);
    };
    add(kinds[seed % kinds.size()]);
    if (chance.one_in(2))
        add(ordinary[chance.below(ordinary.size())]);
    if (chance.one_in(3))
        add(kinds[chance.below(kinds.size() - 1)]);
    spec.outputs[0].kind = static_cast<OutputKind>(chance.below(4));
    spec.outputs[0].bias = chance.one_in(4) ? OutputBias::one : OutputBias::none;
    if (chance.one_in(3))
        add(rescaled);
    return spec;
}

} // namespace tpc::tests
