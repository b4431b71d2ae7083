// Layers in which functions of several Gaussians meet that depend on each other.
#include "tests/finite/random_writer.hpp"

#include <fmt/format.h>

namespace tpc::tests {
namespace {

// What reads g of other positions, in a loop of its own.
void between_positions(Writer& w, const std::string& loop) {
    w.close();
    const std::string g = w.element("g", "i");
    if (w.layer->kind == LayerKind::neighbours) {
        w.open(loop);
        return w.assign("i", fmt::format("{} * {} + 0.3 * {}", call(w.layer->activation, g),
                                         call(w.layer->second, w.element("g", "i-1 | wrap")), g));
    }
    const std::string mean = fmt::format("m{}", w.k), variance = fmt::format("s{}", w.k);
    w.line(fmt::format("{} = mean(r in 1..{}: {})", mean, w.positions(), w.element("g", "r")));
    w.line(fmt::format("{} = mean(r in 1..{}: ({} - {})^2)", variance, w.positions(), w.element("g", "r"), mean));
    w.open(loop);
    w.assign("i", call(w.layer->activation, fmt::format("({} - {}) / sqrt({} + 0.1)", g, mean, variance)));
}

// Averages over coordinates of what is not Gaussian, between two functions.
void rescaled(Writer& w, const std::string& loop) {
    w.open(loop);
    const std::string x = w.previous("i");
    w.line(fmt::format("c = {0} - avg({0})", x));
    w.assign("i", call(w.layer->activation, "c / sqrt(avg(c^2) + 0.1)"));
    w.close();
}

} // namespace

void write_coupled(Writer& w, const std::string& loop) {
    const auto product = [&](const char* name, double variance, const std::string& x) {
        return w.matrix(name, variance) + x;
    };
    if (w.layer->kind == LayerKind::rescaled)
        return rescaled(w, loop);
    if (w.layer->kind == LayerKind::gru)
        w.line(w.element("x", "0") + " = 0");
    w.open(loop);
    const std::string x = w.previous("i"), g = w.element("g", "i");
    w.line(g + " = " + product("A", w.layer->variance, x) + w.bias());
    switch (w.layer->kind) {
    case LayerKind::maxout: {
        w.line(w.element("h", "i") + " = " + product("B", w.layer->variance, x));
        w.assign("i", fmt::format("max({0}, max({1}, 0.5 * {0} - 0.2 * {1}))", g, w.element("h", "i")));
        break;
    }
    case LayerKind::highway: {
        const std::string inner = call(w.layer->activation, product("B", 1, x));
        const std::string carried = w.k == 0 ? product("C", 1, x) : x;
        w.line(fmt::format("z = sigmoid({})", g));
        w.assign("i", fmt::format("z * {} + (1 - z) * ({})", inner, carried));
        break;
    }
    case LayerKind::product:
        w.assign("i", fmt::format("{} * {}", call(w.layer->activation, g),
                                  call(w.layer->second, fmt::format("0.5 * {} + {}", g, product("B", 0.6, x)))));
        break;
    case LayerKind::gru: {
        const std::string before = w.element("x", "i-1");
        w.line(fmt::format("z = sigmoid({} + {})", product("B", 0.6, before), g));
        const std::string inner = product("C", 0.6, before) + " + " + product("D", 0.8, x);
        w.assign("i", fmt::format("(1 - z) * {} + z * {}", before, call(w.layer->activation, inner)));
        break;
    }
    default:
        between_positions(w, loop);
    }
    w.close();
}

} // namespace tpc::tests
