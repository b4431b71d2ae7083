#include "tests/finite/random_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tpc::tests {
namespace {

constexpr std::array<const char*, activation_count> activations{
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

// Numbers and scalars of the size of 1: reductions of constants, over empty ranges, of data.
constexpr std::array<const char*, factor_count> factors{
    "1",
    "prod(r in 1..2: 0.8)",
    "prod(r in P+1..P: 0.5)",
    "(1 + sum(r in P+1..P: 2))",
    "max(r in 1..P: r / P)",
    "min(r in 1..P: 0.5 + r)",
    "mean(r in 1..P: 2 * r / P)",
    "logsumexp(r in 1..2: 0.2)",
    "sum(r in 1..P, q in r..P: 1) / P^2",
    "cos(max(r in 1..P: xi[r, 1]))",
    "(0.5 + sigmoid(sum(r in 1..P: xi[r, 1] * xi[P+1-r, 2])))",
};

} // namespace

std::string call(unsigned activation, const std::string& argument) {
    return fmt::format(fmt::runtime(activations[activation % activations.size()]), argument);
}

bool halves(LayerKind kind) {
    return kind == LayerKind::strided || kind == LayerKind::pooled;
}
bool has_matrices(LayerKind kind) {
    return kind != LayerKind::pooled && kind != LayerKind::causal_mean && kind != LayerKind::graph &&
           kind != LayerKind::scaled && kind != LayerKind::rescaled && kind != LayerKind::window &&
           kind != LayerKind::masked;
}
bool repeats(LayerKind kind) {
    return has_matrices(kind) && !halves(kind);
}
bool has_preactivation(LayerKind kind) {
    return kind == LayerKind::dense || kind == LayerKind::convolution || kind == LayerKind::strided ||
           kind == LayerKind::recurrent || kind == LayerKind::reversed || kind == LayerKind::located ||
           kind == LayerKind::gathered;
}
bool is_recurrent(LayerKind kind) {
    return kind == LayerKind::recurrent || kind == LayerKind::reversed || kind == LayerKind::gru;
}

std::string Writer::positions() const {
    return halvings == 0 ? "P" : fmt::format("P/{}", 1U << halvings);
}
bool Writer::looped() const {
    return layer->repeat > 1 && repeats(layer->kind);
}
std::string Writer::depth() const {
    return fmt::format("L{}", k);
}

std::string Writer::previous(const std::string& index) const {
    if (k == 0)
        return fmt::format("{}[{}]", spec.data == DataKind::plain ? "xi" : "u", index);
    if (looped())
        return fmt::format("x{}[l-1, {}]", k, index);
    return fmt::format("x{}[{}{}]", k - 1, last_turn, index);
}
std::string Writer::operand(const std::string& index) const {
    return layer->inner > 0 && k > 0 ? call(layer->inner - 1, previous(index)) : previous(index);
}
std::string Writer::element(const char* name, const std::string& index) const {
    return fmt::format("{}{}[{}{}]", name, k, looped() ? "l, " : "", index);
}
std::string Writer::here() const {
    return layer->kind == LayerKind::reversed ? positions() + "+1-i" : "i";
}
const char* Writer::mode(unsigned shift) const {
    constexpr std::array modes{"zero", "wrap", "clamp"};
    return modes[(layer->mode + shift) % modes.size()];
}

void Writer::declare(const char* kind, const std::string& name, const std::string& ranges, const std::string& law,
                     unsigned training) {
    const std::string family = ranges.empty() ? "" : "[" + ranges + "]";
    declarations += fmt::format("{}{} {}{} ~ N({}){}\n", training == 1 ? "frozen " : "", kind, name, family, law,
                                training == 2 ? " rate 2" : "");
}

std::string Writer::matrix(const char* name, double variance, const std::string& range, const std::string& index,
                           unsigned count) {
    const bool shared = layer->group > 0 && layer->kind == LayerKind::dense && k > 0;
    const std::string full = shared ? fmt::format("W{}", layer->group) : fmt::format("{}{}", name, k);
    const bool family = looped() && !shared;
    const std::string law = fmt::format("0, {}/({}*{})", variance, count, k == 0 ? "d" : "n");
    std::string ranges = family ? "l in 1.." + depth() : "";
    std::string indices = family ? "l" : "";
    if (!range.empty()) {
        ranges += (ranges.empty() ? "" : ", ") + range;
        indices += (indices.empty() ? "" : ", ") + index;
    }
    if (!shared)
        declare("matrix", full, ranges, law, layer->training);
    else if (groups.insert(layer->group).second)
        declare("matrix", full, "", "0, 1/n", layer->group == 2 ? 2 : 0);
    // A group is used either plainly or transposed, never both.
    const bool transposed = k > 0 && (shared ? layer->group == 3 : layer->transposed);
    return full + (indices.empty() ? "" : "[" + indices + "]") + (transposed ? "' @ " : " @ ");
}

std::string Writer::bias() {
    if (layer->bias == BiasKind::none)
        return "";
    const std::string name = fmt::format("b{}", k);
    std::string ranges = looped() ? "l in 1.." + depth() : "", indices = looped() ? "l" : "";
    if (layer->bias == BiasKind::located || layer->bias == BiasKind::moved) {
        ranges += (looped() ? ", i in 1.." : "i in 1..") + positions();
        indices += looped() ? ", i" : "i";
    }
    if (layer->bias == BiasKind::moved)
        indices += fmt::format("+1 | {}", mode(1));
    declare("vector", name, ranges, layer->bias == BiasKind::with_mean ? "0.3, 0.2" : "0, 0.2", 0);
    return " + " + name + (indices.empty() ? "" : "[" + indices + "]");
}

void Writer::line(const std::string& text) {
    body += std::string(4 * indent, ' ') + text + "\n";
}
void Writer::open(const std::string& ranges) {
    line("for " + ranges + " {");
    ++indent;
}
void Writer::close() {
    --indent;
    line("}");
}

void Writer::assign(const std::string& index, std::string value) {
    const bool can_add = k > 0 && !halves(layer->kind);
    if (layer->residual && can_add)
        value = fmt::format("{} + 0.7 * ({})", previous(index), value);
    if (layer->offset)
        value += " + 0.3";
    if (layer->factor > 0)
        value = fmt::format("{} * ({})", factors[layer->factor % factors.size()], value);
    const std::string target = element("x", index);
    if (layer->condition)
        line(fmt::format("if i == {} {{ {} = 0.5 * ({}) }} else {{ {} = {} }}", positions(), target, value, target, value));
    else
        line(fmt::format("{} = {}", target, value));
}

std::string source(const Spec& spec) {
    Writer writer{.spec = spec};
    write_data(writer);
    write_layer(writer, spec.first, 0);
    for (std::size_t k = 0; k < spec.layers.size(); ++k)
        write_layer(writer, spec.layers[k], k + 1);
    for (std::size_t o = 0; o < spec.outputs.size(); ++o)
        write_output(writer, spec.outputs[o], o);
    const std::string header = writer.parameters.empty() ? "" : fmt::format("({})", fmt::join(writer.parameters, ", "));
    return fmt::format(
        "# seed {}\nprogram random{}\n\ninput xi : R[P, d]\n{}{}\n"
        "fn swish(z) = z * sigmoid(1.7 * z)\nfn bump(z) = exp(-z^2 / 2)\nfn quadratic(z) = z + 0.3 * z^2\n\n{}\n{}",
        spec.seed, header, reads_graph(spec) ? "input adj : R[P, P]\n" : "", writer.declarations, writer.body,
        writer.outputs);
}

bool reads_graph(const Spec& spec) {
    const auto reads = [](const Layer& l) { return l.kind == LayerKind::graph || l.kind == LayerKind::gathered; };
    return reads(spec.first) || std::any_of(spec.layers.begin(), spec.layers.end(), reads);
}

} // namespace tpc::tests
