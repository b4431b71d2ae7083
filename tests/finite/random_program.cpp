#include "tests/finite/random_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

namespace tpc::tests {
namespace {

constexpr std::array activations{
    "relu({})",
    "erf({})",
    "tanh({})",
    "abs({})",
    "leaky_relu({}, 0.3)",
    "sin({})",
    "cos({})",
    "gelu({})",
    "sigmoid({})",
    "softplus({})",
    "silu({})",
    "step({})",
    "swish({})",
    "sign({})",
    "bump({})",
    "quadratic({})",
    "identity({})",
    "where({0} > 0, {0}, 0)",
    "exp(0.5 * ({}))",
};
constexpr std::array modes{"zero", "wrap", "clamp"};

std::string call(unsigned activation, const std::string& argument) {
    return fmt::format(fmt::runtime(activations[activation % activations.size()]), argument);
}

bool halves(LayerKind kind) {
    return kind == LayerKind::strided || kind == LayerKind::pooled;
}
bool has_matrices(LayerKind kind) {
    return kind != LayerKind::pooled && kind != LayerKind::causal_mean && kind != LayerKind::graph &&
           kind != LayerKind::scaled;
}
bool repeats(LayerKind kind) {
    return has_matrices(kind) && !halves(kind);
}
bool has_preactivation(LayerKind kind) {
    return kind == LayerKind::dense || kind == LayerKind::convolution || kind == LayerKind::strided ||
           kind == LayerKind::recurrent || kind == LayerKind::reversed;
}
bool is_recurrent(LayerKind kind) {
    return kind == LayerKind::recurrent || kind == LayerKind::reversed || kind == LayerKind::gru;
}

class Writer {
  public:
    explicit Writer(const Spec& spec) : spec_(spec) {}

    std::string run() {
        write(spec_.first, 0);
        for (std::size_t k = 0; k < spec_.layers.size(); ++k)
            write(spec_.layers[k], k + 1);
        for (std::size_t o = 0; o < spec_.outputs.size(); ++o)
            write(spec_.outputs[o], o);
        const std::string header = parameters_.empty() ? "" : fmt::format("({})", fmt::join(parameters_, ", "));
        return fmt::format(
            "# seed {}\nprogram random{}\n\ninput xi : R[P, d]\n{}{}\n"
            "fn swish(z) = z * sigmoid(1.7 * z)\nfn bump(z) = exp(-z^2 / 2)\nfn quadratic(z) = z + 0.3 * z^2\n\n{}\n{}",
            spec_.seed, header, reads_graph(spec_) ? "input adj : R[P, P]\n" : "", declarations_, body_, outputs_);
    }

  private:
    // The layer at hand is number k_; its loops run over l (if it repeats) and i.

    std::string positions() const { return halvings_ == 0 ? "P" : fmt::format("P/{}", 1U << halvings_); }
    bool looped() const { return layer_->repeat > 1 && repeats(layer_->kind); }
    std::string depth() const { return fmt::format("L{}", k_); }

    // x of the layer before, or of the turn before.
    std::string previous(const std::string& index) const {
        if (k_ == 0)
            return fmt::format("xi[{}]", index);
        if (looped())
            return fmt::format("x{}[l-1, {}]", k_, index);
        return fmt::format("x{}[{}{}]", k_ - 1, last_turn_, index);
    }
    std::string element(const char* name, const std::string& index) const {
        return fmt::format("{}{}[{}{}]", name, k_, looped() ? "l, " : "", index);
    }

    void declare(const char* kind, const std::string& name, const std::string& ranges, const std::string& variance,
                 unsigned training) {
        const std::string family = ranges.empty() ? "" : "[" + ranges + "]";
        declarations_ += fmt::format("{}{} {}{} ~ N(0, {}){}\n", training == 1 ? "frozen " : "", kind, name, family,
                                     variance, training == 2 ? " rate 2" : "");
    }

    // Declares a matrix of the layer and gives `A @`; `taps` is the range of a kernel's positions.
    std::string matrix(const char* name, double variance, const std::string& taps = "", unsigned count = 1) {
        const bool shared = layer_->group > 0 && layer_->kind == LayerKind::dense && k_ > 0;
        const std::string full = shared ? fmt::format("W{}", layer_->group) : fmt::format("{}{}", name, k_);
        const bool family = looped() && !shared;
        const std::string scale = fmt::format("{}/({}*{})", variance, count, k_ == 0 ? "d" : "n");
        std::string ranges = family ? "l in 1.." + depth() : "";
        std::string indices = family ? "l" : "";
        if (!taps.empty()) {
            ranges += (ranges.empty() ? "" : ", ") + taps;
            indices += indices.empty() ? "a" : ", a";
        }
        if (!shared)
            declare("matrix", full, ranges, scale, layer_->training);
        else if (groups_.insert(layer_->group).second)
            declare("matrix", full, "", "1/n", layer_->group == 2 ? 2 : 0);
        // A group is used either plainly or transposed, never both.
        const bool transposed = k_ > 0 && (shared ? layer_->group == 3 : layer_->transposed);
        return full + (indices.empty() ? "" : "[" + indices + "]") + (transposed ? "' @ " : " @ ");
    }

    std::string bias() {
        if (layer_->bias == 0)
            return "";
        const std::string name = fmt::format("b{}", k_);
        std::string ranges = looped() ? "l in 1.." + depth() : "", indices = looped() ? "l" : "";
        if (layer_->bias == 2) {
            ranges += (looped() ? ", i in 1.." : "i in 1..") + positions();
            indices += looped() ? ", i" : "i";
        }
        declare("vector", name, ranges, "0.2", 0);
        return " + " + name + (indices.empty() ? "" : "[" + indices + "]");
    }

    std::string preactivation() {
        const double variance = layer_->variance;
        switch (layer_->kind) {
        case LayerKind::convolution:
        case LayerKind::strided: {
            const std::string taps = fmt::format("a in -{0}..{0}", layer_->radius);
            const std::string index =
                fmt::format("{} | {}", layer_->kind == LayerKind::strided ? "2*i-1+a" : "i+a", modes[layer_->mode % 3]);
            const std::string product = matrix("K", variance, taps, 2 * layer_->radius + 1) + previous(index);
            return fmt::format("sum({}: {})", taps, product) + bias();
        }
        case LayerKind::recurrent:
        case LayerKind::reversed: {
            const char* before = layer_->kind == LayerKind::recurrent ? "i-1" : positions_minus();
            const std::string a = matrix("A", 0.6 * variance) + element("x", before);
            return a + " + " + matrix("B", 0.5 * variance) + previous(here()) + bias();
        }
        default:
            return matrix("A", variance) + previous("i") + bias();
        }
    }

    // A reversed recurrence counts i up and works on position P+1-i.
    std::string here() const { return layer_->kind == LayerKind::reversed ? positions() + "+1-i" : "i"; }
    const char* positions_minus() {
        reversed_before_ = positions() + "+2-i";
        return reversed_before_.c_str();
    }

    std::string activate(const std::string& g) const {
        const std::string value = call(layer_->activation, g);
        if (layer_->mixed)
            return fmt::format("0.6 * {} + 0.5 * {}", value, call(layer_->second, g));
        return value;
    }

    void assign(const std::string& index, std::string value) {
        const bool can_add = k_ > 0 && !halves(layer_->kind);
        if (layer_->residual && can_add)
            value = fmt::format("{} + 0.7 * ({})", previous(index), value);
        if (layer_->offset)
            value += " + 0.3";
        const std::string target = element("x", index);
        if (layer_->condition)
            line(fmt::format("if i == {} {{ {} = 0.5 * ({}) }} else {{ {} = {} }}", positions(), target, value, target,
                             value));
        else
            line(fmt::format("{} = {}", target, value));
    }

    void line(const std::string& text) { body_ += std::string(4 * indent_, ' ') + text + "\n"; }
    void open(const std::string& ranges) {
        line("for " + ranges + " {");
        ++indent_;
    }
    void close() {
        --indent_;
        line("}");
    }

    void write(const Layer& layer, std::size_t k) {
        layer_ = &layer;
        k_ = k;
        if (looped()) {
            parameters_.push_back(fmt::format("{}: int = {}", depth(), layer.repeat));
            // The turn before the first is the layer before.
            line(fmt::format("for i in 1..{} {{ x{}[0, i] = x{}[{}i] }}", positions(), k_, k_ - 1, last_turn_));
            open("l in 1.." + depth());
        }
        halvings_ += halves(layer.kind) ? 1 : 0; // positions() are the new layer's from here on
        body();
        if (looped())
            close();
        last_turn_ = looped() ? depth() + ", " : "";
    }

    void body() {
        const std::string loop = "i in 1.." + positions();
        switch (layer_->kind) {
        case LayerKind::pooled:
            open(loop);
            assign("i", "mean(a in 0..1: " + previous("2*i-1+a") + ")");
            return close();
        case LayerKind::causal_mean:
            open(loop);
            assign("i", "mean(r in 1..i: " + previous("r") + ")");
            return close();
        case LayerKind::graph: { // the first positions of the graph, where some have been pooled away
            open(loop);
            assign("i", fmt::format("sum(j in 1..{}: adj[i, j] * {})", positions(), previous("j")));
            return close();
        }
        case LayerKind::scaled:
            open(loop);
            line(fmt::format("c{}[i] = avg({}^2)", k_, previous("i")));
            assign("i", fmt::format("(0.5 + i / P) / (1 + c{}[i]) * {}", k_, previous("i")));
            return close();
        case LayerKind::attention:
            return attention(loop);
        case LayerKind::gated: {
            open(loop);
            const std::string a = matrix("A", layer_->variance) + previous("i") + bias();
            assign("i", call(layer_->activation, a) + " * " +
                            call(layer_->second, matrix("B", layer_->variance) + previous("i")));
            return close();
        }
        case LayerKind::maxout:
        case LayerKind::highway:
        case LayerKind::product:
        case LayerKind::neighbours:
        case LayerKind::batch:
        case LayerKind::gru:
            return coupled(loop);
        case LayerKind::block: {
            open(loop);
            const std::string inner = call(layer_->activation, matrix("B", 1) + previous("i"));
            assign("i", previous("i") + " + " + matrix("A", layer_->variance) + inner + bias());
            return close();
        }
        default:
            return ordinary(loop);
        }
    }

    void attention(const std::string& loop) {
        const std::string others = layer_->causal ? "r in 1..i" : "r in 1.." + positions();
        open(loop);
        line(element("k", "i") + " = " + matrix("A", layer_->variance) + previous("i") + bias());
        close();
        open(loop + ", " + others);
        line(fmt::format("{} = {}' @ {} / n", element("e", "i, r"), element("k", "i"), element("k", "r")));
        close();
        open(loop);
        line(fmt::format("m = logsumexp({}: {})", others, element("e", "i, r")));
        assign("i", fmt::format("sum({}: exp({} - m) * {})", others, element("e", "i, r"), element("k", "r")));
        close();
    }

    void coupled(const std::string& loop) {
        const auto product = [&](const char* name, double variance, const std::string& x) {
            return matrix(name, variance) + x;
        };
        const bool steps = layer_->kind == LayerKind::gru;
        if (steps)
            line(element("x", "0") + " = 0");
        open(loop);
        const std::string x = previous("i"), g = element("g", "i");
        line(g + " = " + product("A", layer_->variance, x) + bias());
        switch (layer_->kind) {
        case LayerKind::maxout: {
            line(element("h", "i") + " = " + product("B", layer_->variance, x));
            assign("i", fmt::format("max({0}, max({1}, 0.5 * {0} - 0.2 * {1}))", g, element("h", "i")));
            break;
        }
        case LayerKind::highway: {
            const std::string inner = call(layer_->activation, product("B", 1, x));
            const std::string carried = k_ == 0 ? product("C", 1, x) : x;
            line(fmt::format("z = sigmoid({})", g));
            assign("i", fmt::format("z * {} + (1 - z) * ({})", inner, carried));
            break;
        }
        case LayerKind::product:
            assign("i", fmt::format("{} * {}", call(layer_->activation, g),
                                    call(layer_->second, fmt::format("0.5 * {} + {}", g, product("B", 0.6, x)))));
            break;
        case LayerKind::gru: {
            const std::string before = element("x", "i-1");
            line(fmt::format("z = sigmoid({} + {})", product("B", 0.6, before), g));
            const std::string inner = product("C", 0.6, before) + " + " + product("D", 0.8, x);
            assign("i", fmt::format("(1 - z) * {} + z * {}", before, call(layer_->activation, inner)));
            break;
        }
        default:
            between_positions(loop);
        }
        close();
    }

    // What reads g of other positions, in a loop of its own.
    void between_positions(const std::string& loop) {
        close();
        const std::string g = element("g", "i");
        if (layer_->kind == LayerKind::neighbours) {
            open(loop);
            return assign("i", fmt::format("{} * {} + 0.3 * {}", call(layer_->activation, g),
                                           call(layer_->second, element("g", "i-1 | wrap")), g));
        }
        const std::string mean = fmt::format("m{}", k_), variance = fmt::format("s{}", k_);
        line(fmt::format("{} = mean(r in 1..{}: {})", mean, positions(), element("g", "r")));
        line(fmt::format("{} = mean(r in 1..{}: ({} - {})^2)", variance, positions(), element("g", "r"), mean));
        open(loop);
        assign("i", call(layer_->activation, fmt::format("({} - {}) / sqrt({} + 0.1)", g, mean, variance)));
    }

    void ordinary(const std::string& loop) {
        const bool recurrent = is_recurrent(layer_->kind);
        if (recurrent)
            line(element("x", layer_->kind == LayerKind::recurrent ? "0" : positions() + "+1") + " = 0");
        const std::string index = here(), g = element("g", index);
        open(loop);
        line(g + " = " + preactivation());
        const bool centred = layer_->centred && !recurrent;
        if (centred) {
            close();
            open(loop);
        }
        std::string argument = g;
        if (centred)
            argument = fmt::format("{} - mean(r in 1..{}: {})", g, positions(), element("g", "r"));
        if (layer_->normalised) {
            line(fmt::format("y = {}", argument));
            argument = "y / sqrt(avg(y^2) + 0.1)";
        }
        assign(index, activate(argument));
        close();
    }

    void write(const OutputSpec& output, std::size_t number) {
        const std::size_t last = spec_.layers.size();
        const auto x = [&](const std::string& index) { return fmt::format("x{}[{}{}]", last, last_turn_, index); };
        const std::string v = output.shared ? "v0" : fmt::format("v{}", number);
        if (!output.shared || number == 0)
            declare("vector", v, "", number == 0 ? "1" : "0.7", number == 1 ? 2 : 0);
        const std::string P = positions();
        std::string value, family;
        switch (output.kind) {
        case 1:
            value = fmt::format("{}' @ {} / sqrt(n)", v, x("1"));
            break;
        case 2:
            value = fmt::format("{}' @ {} / sqrt(n)", v, x("i"));
            family = "[i in 1.." + P + "]";
            break;
        case 3:
            value = fmt::format("{}' @ sum(i in 1..{}: i / P * {}) / sqrt(n)", v, P, x("i"));
            break;
        case 4: {
            const std::string u = fmt::format("u{}", number);
            declare("vector", u, "", "0.5", 0);
            value = fmt::format("0.5 * {}' @ {} / sqrt(n) + {}' @ ({} - {}) / sqrt(n)", v, x(P), u, x("1"), x(P));
            break;
        }
        case 5:
            value = fmt::format("(1 + avg({}^2)) * {}' @ {} / sqrt(n)", x(P), v, x("1"));
            break;
        default:
            value = fmt::format("{}' @ mean(i in 1..{}: {}) / sqrt(n)", v, P, x("i"));
        }
        if (output.bias) {
            const std::string c = fmt::format("c_{}", number);
            declare("scalar", c, "", "0.3", 0);
            value += " + " + c;
        }
        if (spec_.outputs.size() == 1 && family.empty())
            outputs_ += "output " + value + "\n";
        else
            outputs_ += fmt::format("output f{}{} = {}\n", number, family, value);
    }

    const Spec& spec_;
    const Layer* layer_ = nullptr;
    std::size_t k_ = 0;
    unsigned halvings_ = 0;
    unsigned indent_ = 0;
    std::string last_turn_; // "L3, " where the layer before repeats
    std::string reversed_before_;
    std::set<unsigned> groups_;
    std::vector<std::string> parameters_;
    std::string declarations_, body_, outputs_;
};

struct Chance {
    std::function<unsigned(unsigned)> below; // a number below that
    bool one_in(unsigned n) { return below(n) == 0; }
};

Layer random_layer(Chance& chance, bool may_halve) {
    using enum LayerKind;
    constexpr std::array kinds{dense,     dense, dense, convolution, convolution, recurrent, recurrent, reversed,
                               attention, gated, block, causal_mean, graph,       scaled,    strided,   pooled};
    Layer layer;
    layer.kind = kinds[chance.below(may_halve ? kinds.size() : kinds.size() - 2)];
    if (has_matrices(layer.kind)) {
        layer.activation = chance.below(activations.size());
        layer.second = chance.below(activations.size());
        layer.variance = std::array{1.0, 0.6, 1.5}[chance.below(3)];
        layer.bias = chance.one_in(2) ? 0 : 1 + chance.below(2);
        layer.transposed = chance.one_in(6);
        layer.training = chance.one_in(4) ? 1 + chance.below(2) : 0;
    }
    if (is_recurrent(layer.kind)) // exp of exp of ... has no variance that a double holds
        for (unsigned* activation : {&layer.activation, &layer.second})
            *activation %= activations.size() - 1;
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

} // namespace

namespace {

Spec chosen(Chance chance, std::uint64_t seed) {
    Spec spec;
    spec.seed = seed;
    spec.first.kind = chance.one_in(3) ? LayerKind::convolution : LayerKind::dense;
    spec.first.activation = chance.below(activations.size());
    spec.first.mode = chance.below(3);
    spec.first.bias = chance.below(3);
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
        output.kind = chance.below(6);
        output.bias = chance.one_in(4);
        output.shared = o > 0 && chance.one_in(2);
    }
    return spec;
}

} // namespace

Spec random_spec(std::uint64_t seed) {
    std::mt19937_64 engine(seed * 0x9e3779b97f4a7c15U + 1);
    return chosen({[&](unsigned n) { return static_cast<unsigned>(engine() % n); }}, seed);
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
    return chosen({below}, seed);
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
        layer.bias = chance.one_in(3) ? 1 + chance.below(2) : 0;
        layer.training = chance.one_in(4) ? 1 + chance.below(2) : 0;
        layer.residual = kind != highway && kind != block && chance.one_in(4);
        spec.layers.push_back(layer);
    };
    add(kinds[seed % kinds.size()]);
    if (chance.one_in(2))
        add(ordinary[chance.below(ordinary.size())]);
    if (chance.one_in(3))
        add(kinds[chance.below(kinds.size() - 1)]);
    spec.outputs[0].kind = chance.below(4);
    spec.outputs[0].bias = chance.one_in(4);
    return spec;
}

std::string source(const Spec& spec) {
    return Writer(spec).run();
}

bool reads_graph(const Spec& spec) {
    return std::any_of(spec.layers.begin(), spec.layers.end(), [](const Layer& l) { return l.kind == LayerKind::graph; });
}

namespace {

// Layers with one member at its default.
std::vector<Layer> simpler(const Layer& layer) {
    std::vector<Layer> result;
    const auto reset = [&](auto Layer::*member) {
        Layer cut = layer;
        cut.*member = Layer().*member;
        if (!(cut == layer))
            result.push_back(cut);
    };
    reset(&Layer::kind);
    reset(&Layer::repeat);
    reset(&Layer::mixed);
    reset(&Layer::normalised);
    reset(&Layer::centred);
    reset(&Layer::residual);
    reset(&Layer::offset);
    reset(&Layer::condition);
    reset(&Layer::bias);
    reset(&Layer::group);
    reset(&Layer::transposed);
    reset(&Layer::causal);
    reset(&Layer::training);
    reset(&Layer::activation);
    reset(&Layer::second);
    reset(&Layer::mode);
    reset(&Layer::variance);
    return result;
}

} // namespace

std::vector<Spec> smaller(const Spec& spec) {
    std::vector<Spec> result;
    for (std::size_t k = 0; k < spec.layers.size(); ++k) {
        Spec cut = spec;
        cut.layers.erase(cut.layers.begin() + static_cast<std::ptrdiff_t>(k));
        result.push_back(cut);
    }
    if (spec.outputs.size() > 1)
        for (std::size_t o = 0; o < spec.outputs.size(); ++o) {
            Spec cut = spec;
            cut.outputs.erase(cut.outputs.begin() + static_cast<std::ptrdiff_t>(o));
            cut.outputs.front().shared = false;
            result.push_back(cut);
        }
    for (std::size_t k = 0; k < spec.layers.size(); ++k)
        for (const Layer& layer : simpler(spec.layers[k])) {
            Spec cut = spec;
            cut.layers[k] = layer;
            result.push_back(cut);
        }
    for (const Layer& layer : simpler(spec.first)) {
        Spec cut = spec;
        cut.first = layer;
        result.push_back(cut);
    }
    for (std::size_t o = 0; o < spec.outputs.size(); ++o) {
        Spec cut = spec;
        cut.outputs[o] = OutputSpec{};
        if (!(cut == spec))
            result.push_back(cut);
    }
    return result;
}

Spec reduced(Spec spec, const std::function<bool(const Spec&)>& fails) {
    for (bool cut = true; cut;) {
        cut = false;
        for (const Spec& candidate : smaller(spec)) {
            if (!fails(candidate))
                continue;
            spec = candidate;
            cut = true;
            break;
        }
    }
    return spec;
}

} // namespace tpc::tests
