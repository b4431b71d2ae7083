// The statements of the layers of a random program.
#include "tests/finite/random_writer.hpp"

#include <fmt/format.h>

namespace tpc::tests {
namespace {

std::string preactivation(Writer& w) {
    const double variance = w.layer->variance;
    std::string value;
    switch (w.layer->kind) {
    case LayerKind::convolution:
    case LayerKind::strided: {
        const std::string taps = fmt::format("a in -{0}..{0}", w.layer->radius);
        const std::string index = fmt::format("{} | {}", w.layer->kind == LayerKind::strided ? "2*i-1+a" : "i+a", w.mode());
        const std::string product = w.matrix("K", variance, taps, "a", 2 * w.layer->radius + 1) + w.operand(index);
        return fmt::format("sum({}: {})", taps, product) + w.bias();
    }
    case LayerKind::recurrent:
    case LayerKind::reversed: {
        const std::string before = w.layer->kind == LayerKind::recurrent ? "i-1" : w.positions() + "+2-i";
        const std::string a = w.matrix("A", 0.6 * variance);
        value = a + w.element("x", before);
        if (w.layer->ones)
            value += " + 0.4 * (" + a + "1)";
        return value + " + " + w.matrix("B", 0.5 * variance) + w.operand(w.here()) + w.bias();
    }
    case LayerKind::located:
        return w.matrix("A", variance, "i in 1.." + w.positions(), fmt::format("i+1 | {}", w.mode())) + w.operand("i") +
               w.bias();
    case LayerKind::gathered: {
        const std::string product = w.matrix("A", variance) + w.operand("j");
        return fmt::format("sum(j in 1..{}: adj[i, j] * ({}))", w.positions(), product) + w.bias();
    }
    default: {
        const std::string a = w.matrix("A", variance);
        value = a + w.operand("i");
        if (w.layer->ones && w.k > 0)
            value += " + 0.4 * (" + a + "1)";
        return value + w.bias();
    }
    }
}

std::string activate(const Writer& w, const std::string& g) {
    const std::string value = call(w.layer->activation, g);
    if (w.layer->mixed)
        return fmt::format("0.6 * {} + 0.5 * {}", value, call(w.layer->second, g));
    return value;
}

void attention(Writer& w, const std::string& loop) {
    const std::string others = w.layer->causal ? "r in 1..i" : "r in 1.." + w.positions();
    w.open(loop);
    w.line(w.element("k", "i") + " = " + w.matrix("A", w.layer->variance) + w.previous("i") + w.bias());
    w.close();
    w.open(loop + ", " + others);
    w.line(fmt::format("{} = {}' @ {} / n", w.element("e", "i, r"), w.element("k", "i"), w.element("k", "r")));
    w.close();
    w.open(loop);
    w.line(fmt::format("m = logsumexp({}: {})", others, w.element("e", "i, r")));
    w.assign("i", fmt::format("sum({}: exp({} - m) * {})", others, w.element("e", "i, r"), w.element("k", "r")));
    w.close();
}

void ordinary(Writer& w, const std::string& loop) {
    const bool recurrent = is_recurrent(w.layer->kind);
    if (recurrent)
        w.line(w.element("x", w.layer->kind == LayerKind::recurrent ? "0" : w.positions() + "+1") + " = 0");
    const std::string index = w.here(), g = w.element("g", index);
    w.open(loop);
    w.line(g + " = " + preactivation(w));
    const bool centred = w.layer->centred && !recurrent;
    if (centred) {
        w.close();
        w.open(loop);
    }
    std::string argument = g;
    if (centred)
        argument = fmt::format("{} - mean(r in 1..{}: {})", g, w.positions(), w.element("g", "r"));
    if (w.layer->normalised) {
        w.line(fmt::format("y = {}", argument));
        argument = "y / sqrt(avg(y^2) + 0.1)";
    }
    w.assign(index, activate(w, argument));
    w.close();
}

// A linear value beside functions of the same Gaussian or of others of the same matrix, named or not.
void twin(Writer& w, const std::string& loop) {
    const std::string a = w.matrix("A", w.layer->variance);
    const std::string h = w.element("h", "i"), bias = w.bias();
    const bool named = w.layer->form % 2 == 1;
    w.open(loop);
    if (named)
        w.line(h + " = " + a + w.previous("i"));
    const std::string linear = named ? h : a + w.previous("i");
    switch (w.layer->form / 2 % 3) {
    case 0:
        w.assign("i", fmt::format("{} + 0.8 * {}", linear, call(w.layer->activation, a + w.previous("i") + bias)));
        break;
    case 1: {
        const std::string other = a + w.previous(fmt::format("i+1 | {}", w.mode()));
        w.assign("i", fmt::format("{} - 0.8 * {}", linear, call(w.layer->activation, other + bias)));
        break;
    }
    default: {
        const std::string both = a + w.previous("i") + " + 0.7 * (" + w.matrix("B", 1) + w.previous("i") + ")";
        w.assign("i", fmt::format("0.5 * ({}) + {}", linear, call(w.layer->activation, both + bias)));
    }
    }
    w.close();
}

// Functions of the layer before, weighted over a window.
void window(Writer& w, const std::string& loop) {
    w.open(loop);
    const std::string inner = call(w.layer->activation, w.previous(fmt::format("i+a | {}", w.mode())));
    if (w.layer->form % 2 == 0)
        w.assign("i", fmt::format("sum(a in -1..1: (0.5 + 0.2 * a) * {})", inner));
    else
        w.assign("i", fmt::format("mean(a in 0..1: {}) + 0.2 * {}", inner, w.previous("i")));
    w.close();
}

// Choices that data make.
void masked(Writer& w, const std::string& loop) {
    w.open(loop);
    if (w.layer->form % 2 == 0)
        w.assign("i", fmt::format("where(xi[i, 1] > 0, {}, 0.4 * {})", w.previous("i"), w.previous("1")));
    else
        w.assign("i", fmt::format("step(xi[i, 1] - xi[P+1-i, 2]) * {} + 0.5 * {}", w.previous("i"),
                                  w.previous(w.positions() + "+1-i")));
    w.close();
}

void statements(Writer& w) {
    const std::string loop = "i in 1.." + w.positions();
    switch (w.layer->kind) {
    case LayerKind::pooled:
        w.open(loop);
        w.assign("i", "mean(a in 0..1: " + w.previous("2*i-1+a") + ")");
        return w.close();
    case LayerKind::causal_mean:
        w.open(loop);
        w.assign("i", "mean(r in 1..i: " + w.previous("r") + ")");
        return w.close();
    case LayerKind::graph: // the first positions of the graph, where some have been pooled away
        w.open(loop);
        w.assign("i", fmt::format("sum(j in 1..{}: adj[i, j] * {})", w.positions(), w.previous("j")));
        return w.close();
    case LayerKind::scaled:
        w.open(loop);
        w.line(fmt::format("c{}[i] = avg({}^2)", w.k, w.previous("i")));
        w.assign("i", fmt::format("(0.5 + i / P) / (1 + c{}[i]) * {}", w.k, w.previous("i")));
        return w.close();
    case LayerKind::attention:
        return attention(w, loop);
    case LayerKind::gated: {
        w.open(loop);
        const std::string a = w.matrix("A", w.layer->variance) + w.previous("i") + w.bias();
        w.assign("i", call(w.layer->activation, a) + " * " +
                          call(w.layer->second, w.matrix("B", w.layer->variance) + w.previous("i")));
        return w.close();
    }
    case LayerKind::maxout:
    case LayerKind::highway:
    case LayerKind::product:
    case LayerKind::neighbours:
    case LayerKind::batch:
    case LayerKind::rescaled:
    case LayerKind::gru:
        return write_coupled(w, loop);
    case LayerKind::block: {
        w.open(loop);
        const std::string inner = call(w.layer->activation, w.matrix("B", 1) + w.previous("i"));
        w.assign("i", w.previous("i") + " + " + w.matrix("A", w.layer->variance) + inner + w.bias());
        return w.close();
    }
    case LayerKind::twin:
        return twin(w, loop);
    case LayerKind::window:
        return window(w, loop);
    case LayerKind::masked:
        return masked(w, loop);
    default:
        return ordinary(w, loop);
    }
}

} // namespace

void write_data(Writer& w) {
    const auto each = [&](const std::string& value) { w.line(fmt::format("for i in 1..P {{ u[i] = {} }}", value)); };
    switch (w.spec.data) {
    case DataKind::plain:
        return;
    case DataKind::shifted:
        return each("2 * xi[i] + xi[1]");
    case DataKind::prefixes:
        return each("sum(r in 1..i: xi[r]) / P");
    case DataKind::windows:
        return each("mean(a in -1..1: xi[i+a | wrap]) - 0.5 * xi[i]");
    case DataKind::centred:
        w.line("xm = mean(r in 1..P: xi[r])");
        return each("xi[i] - xm");
    case DataKind::normalised:
        return each("xi[i] / sqrt(xi[i]' @ xi[i] / d + 0.1)");
    case DataKind::chained:
        w.line("for i in 1..P { t[i] = 2 * xi[i] + xi[1] }");
        return each("t[i] - 0.3 * t[P+1-i] + xi[i+1 | zero]");
    case DataKind::mixed: // scores of data
        w.line("for i in 1..P, r in 1..P { e[i, r] = exp(xi[i]' @ xi[r] / d - 1) }");
        return each("sum(r in 1..P: e[i, r] * xi[r]) / sum(r in 1..P: e[i, r])");
    }
}

void write_layer(Writer& w, const Layer& layer, std::size_t number) {
    w.layer = &layer;
    w.k = number;
    if (w.looped()) {
        w.parameters.push_back(fmt::format("{}: int = {}", w.depth(), layer.repeat));
        // The turn before the first is the layer before.
        w.line(fmt::format("for i in 1..{} {{ x{}[0, i] = x{}[{}i] }}", w.positions(), w.k, w.k - 1, w.last_turn));
        w.open("l in 1.." + w.depth());
    }
    w.halvings += halves(layer.kind) ? 1 : 0; // positions() are the new layer's from here on
    statements(w);
    if (w.looped())
        w.close();
    w.last_turn = w.looped() ? w.depth() + ", " : "";
}

} // namespace tpc::tests
