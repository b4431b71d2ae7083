#include "cli/axes.hpp"

#include "cli/session.hpp"
#include "compiler/ir/print.hpp"

namespace tpc::cli {
namespace {

struct Known {
    std::int64_t size = 0;
    std::string origin; // "-D T=8", "axis 1 of X.npy"
};
using KnownAxes = std::map<ir::Symbol, Known>;

std::string print(const ir::Program& program, const ir::Affine& axis) {
    return ir::print(ir::PrintNames{&program}, axis);
}

// Constant when all axes in it are known.
ir::Affine insert(const ir::Affine& axis, const KnownAxes& known) {
    return ir::substitute(axis, [&](ir::Symbol symbol) -> std::optional<ir::Affine> {
        const auto found = known.find(symbol);
        return found == known.end() ? std::nullopt : std::optional<ir::Affine>(found->second.size);
    });
}

std::string origins(const ir::Program& program, const ir::Affine& axis, const KnownAxes& known) {
    std::string text;
    for (const auto& [symbol, coefficient] : axis.terms)
        text += fmt::format("{}{} = {} by {}", text.empty() ? "" : ", ", program.info(symbol).name, known.at(symbol).size,
                            known.at(symbol).origin);
    return text;
}

void compare(const ir::Program& program, const AxisSize& shape, const KnownAxes& known) {
    const ir::Affine value = insert(shape.declared, known);
    if (value.is_constant(shape.size))
        return;
    const std::string name = print(program, shape.declared);
    if (shape.declared.is_constant())
        throw Failure{data_error,
                      fmt::format("{} has the size {}, and the program declares {}", shape.place, shape.size, name)};
    throw Failure{data_error, fmt::format("{} has the size {}, which disagrees with {} ({})", shape.place, shape.size, name,
                                          origins(program, shape.declared, known))};
}

// (constant + coefficient * unknown) / denominator = size
Known solve(const ir::Program& program, const AxisSize& shape, const ir::Affine& open) {
    const auto [symbol, coefficient] = open.terms.front();
    const std::int64_t rest = shape.size * open.denominator - open.constant;
    if (rest % coefficient != 0 || rest / coefficient < 1)
        throw Failure{data_error, fmt::format("{} has the size {}: no positive integer {} makes {} of it", shape.place,
                                              shape.size, program.info(symbol).name, print(program, shape.declared))};
    return {rest / coefficient, shape.place};
}

} // namespace

ir::Sizes solve_axes(const ir::Program& program, const std::vector<AxisSize>& shapes) {
    KnownAxes known;
    for (const auto& [symbol, size] : program.sizes)
        known[symbol] = {size, fmt::format("-D {}={}", program.info(symbol).name, size)};
    for (std::size_t before = shapes.size() + 1; before != known.size();) {
        before = known.size();
        for (const AxisSize& shape : shapes) {
            const ir::Affine open = insert(shape.declared, known);
            if (open.terms.size() == 1)
                known[open.terms.front().first] = solve(program, shape, open);
        }
    }
    ir::Sizes sizes;
    for (std::uint32_t k = 0; k < program.symbols.size(); ++k) {
        const auto symbol = static_cast<ir::Symbol>(k);
        if (!program.info(symbol).axis)
            continue;
        if (!known.contains(symbol))
            throw Failure{program_error, fmt::format("the shapes of the data do not determine {0}: give -D {0}=...",
                                                     program.info(symbol).name)};
        sizes[symbol] = known.at(symbol).size;
    }
    for (const AxisSize& shape : shapes)
        compare(program, shape, known);
    return sizes;
}

} // namespace tpc::cli
