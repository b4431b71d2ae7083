// The outputs of a random program.
#include "tests/finite/random_writer.hpp"

#include <fmt/format.h>

#include <array>

namespace tpc::tests {

void write_output(Writer& w, const OutputSpec& output, std::size_t number) {
    constexpr std::array modes{"zero", "wrap", "clamp"};
    const char* mode = modes[output.mode % modes.size()];
    const std::size_t last = w.spec.layers.size();
    const auto x = [&](const std::string& index) { return fmt::format("x{}[{}{}]", last, w.last_turn, index); };
    const bool shared = output.shared && number > 0 && w.spec.outputs[0].kind != OutputKind::moved;
    const std::string v = shared ? "v0" : fmt::format("v{}", number);
    const std::string P = w.positions();
    const bool located = output.kind == OutputKind::moved && !shared;
    if (!shared)
        w.declare("vector", v, located ? "i in 1.." + P : "", number == 0 ? "0, 1" : "0, 0.7", number == 1 ? 2 : 0);
    std::string value, family;
    switch (output.kind) {
    case OutputKind::first:
        value = fmt::format("{}' @ {} / sqrt(n)", v, x("1"));
        break;
    case OutputKind::each:
        value = fmt::format("{}' @ {} / sqrt(n)", v, x("i"));
        family = "[i in 1.." + P + "]";
        break;
    case OutputKind::weighted:
        value = fmt::format("{}' @ sum(i in 1..{}: i / P * {}) / sqrt(n)", v, P, x("i"));
        break;
    case OutputKind::two_readouts: {
        const std::string u = fmt::format("u{}", number);
        w.declare("vector", u, "", "0, 0.5", 0);
        value = fmt::format("0.5 * {}' @ {} / sqrt(n) + {}' @ ({} - {}) / sqrt(n)", v, x(P), u, x("1"), x(P));
        break;
    }
    case OutputKind::moment:
        value = fmt::format("(1 + avg({}^2)) * {}' @ {} / sqrt(n)", x(P), v, x("1"));
        break;
    case OutputKind::moved:
        value = located ? fmt::format("sum(i in 1..{}: {}[i+1 | {}]' @ {}) / sqrt(n) + {}[1]' @ {} / sqrt(n)", P, v, mode,
                                      x("i"), v, x("1"))
                        : fmt::format("sum(i in 1..{}: {}' @ {}) / sqrt(n)", P, v, x("i"));
        break;
    case OutputKind::constant:
        value = fmt::format("{}' @ ({} - 0.5) / sqrt(n) + 1 / P * ({}' @ 1) / sqrt(n)", v, x("1"), v);
        break;
    case OutputKind::named:
        w.line(fmt::format("for i in 1..{} {{ y{}[i] = {}' @ {} / sqrt(n) }}", P, number, v, x("i")));
        value = fmt::format("y{}[1] - sum(i in 1..{}: i / P * y{}[{}+1-i])", number, P, number, P);
        break;
    case OutputKind::accumulated:
        w.line(fmt::format("y{}[0] = 0.5", number));
        w.line(fmt::format("for i in 1..{} {{ y{}[i] = xi[i, 1] * y{}[i-1] + {}' @ {} / sqrt(n) }}", P, number, number, v,
                           x("i")));
        value = fmt::format("y{}[{}] + mean(i in 1..{}: y{}[i+1 | {}])", number, P, P, number, mode);
        break;
    default:
        value = fmt::format("{}' @ mean(i in 1..{}: {}) / sqrt(n)", v, P, x("i"));
    }
    const std::string c = fmt::format("c_{}", number);
    if (output.bias == OutputBias::one) {
        w.declare("scalar", c, "", "0, 0.3", 0);
        value += " + " + c;
    } else if (output.bias == OutputBias::with_mean) {
        w.declare("scalar", c, "", "0.5, 0.3", 2);
        value += fmt::format(" - 0.5 * {} + 0.2", c);
    } else if (output.bias == OutputBias::moved) {
        w.declare("scalar", c, "i in 1.." + P, "0.2, i", 0);
        value += fmt::format(" + sum(i in 1..{}: xi[i, 1] * {}[i-1 | {}])", P, c, mode);
    }
    if (w.spec.outputs.size() == 1 && family.empty())
        w.outputs += "output " + value + "\n";
    else
        w.outputs += fmt::format("output f{}{} = {}\n", number, family, value);
}

} // namespace tpc::tests
