#include "compiler/emit/source.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::emit {

using plan::Linear;

Source::Source(const plan::Plan& given) : plan(given), self(given.left), program(given.left.recursions.network.program) {
    has_mean.assign(program.families.size(), false);
    has_second.assign(program.families.size(), false);
    for (std::size_t k = 0; k < program.statements.size(); ++k)
        if (self.recursions.mean_needed[k])
            has_mean[program.statements[k].family] = true;
    for (const plan::PairOp& op : self.part.ops)
        if (op.left_statement == op.right_statement)
            has_second[program.statements[op.left_statement].family] = true;
}

Scope Source::scope() const {
    std::vector<std::string> list;
    for (std::size_t s = 0; s < plan.recursions.network.program.symbols.size(); ++s) {
        std::string name = plan.recursions.network.program.symbols[s].name;
        list.push_back(std::move(name));
    }
    return Scope(std::move(list));
}

std::string Source::member(const char* prefix, std::uint32_t family) {
    return names.of(fmt::format("{}{}", prefix, family), prefix + program.families[family].name);
}

std::string Source::finite(std::uint32_t array) {
    const plan::FiniteArray& finite = self.finite[array];
    return finite.input ? names.of(fmt::format("input {}", finite.source), program.inputs[finite.source].name)
                        : names.of(fmt::format("finite {}", finite.source), program.families[finite.source].name);
}

std::string Source::weight(std::uint32_t coefficient) {
    return names.of(fmt::format("weight {}", coefficient), "weight");
}

std::string Source::entries(const plan::Part& part, std::uint32_t array) {
    const auto name = [&](std::uint32_t family) {
        if (const auto vectors = self.finite_of(family))
            return finite(*vectors);
        return family < program.families.size() ? program.families[family].name : std::string("output");
    };
    const plan::PairArray& own = part.arrays[array];
    if (own.sums)
        return names.of(fmt::format("sums {}", array), "sums_" + name(own.left) + "_" + name(own.right));
    return names.of(fmt::format("entries {} {}", own.left, own.right), name(own.left) + "_" + name(own.right));
}

std::string Source::feature(const Feature& feature) {
    functions.features.insert(feature);
    return names.of(fmt::format("feature {} {}", feature.function, feature.family),
                    functions[feature.function].name + "_" + program.families[feature.family].name);
}

Linear Source::linear(const ir::Affine& affine) const {
    Linear result{affine.constant, {}, affine.denominator};
    for (const auto& [symbol, coefficient] : affine.terms) {
        const limit::Recursions& recursions = plan.recursions;
        const auto own = static_cast<ir::Symbol>(static_cast<std::uint32_t>(symbol) -
                                                 (recursions.is_primed(symbol) ? recursions.left_symbols : 0));
        if (program.info(own).axis)
            result.constant += coefficient * self.sizes.at(own);
        else
            result.terms.emplace_back(static_cast<std::uint32_t>(symbol), coefficient);
    }
    return result;
}

Located Source::locate(Scope& scope, const std::vector<Linear>& access, ir::IndexMode mode, const plan::Box& box) {
    Located located;
    for (std::size_t d = 0; d < access.size(); ++d) {
        const std::int64_t lower = box.lower[d];
        const std::int64_t upper = lower + box.size[d] - 1;
        const Scope::Bounds bounds = scope.bounds(access[d]);
        Index index{access[d], scope.text(access[d])};
        const bool inside = bounds.least >= lower && bounds.greatest <= upper;
        if (!inside && (mode == ir::IndexMode::wrap || mode == ir::IndexMode::clamp)) {
            const std::string name(ir::name_of(mode));
            index = {std::nullopt, fmt::format("{}({}, {}, {})", name, index.text, lower, upper)};
            pieces.insert(name);
        } else if (!inside && mode == ir::IndexMode::zero) {
            if (bounds.greatest < lower || bounds.least > upper)
                located.never = true;
            pieces.insert("inside");
            located.inside +=
                fmt::format("{}inside({}, {}, {})", located.inside.empty() ? "" : " && ", index.text, lower, upper);
        }
        located.indices.push_back(std::move(index));
    }
    return located;
}

} // namespace tpc::emit
