#include "compiler/formula/build.hpp"

#include <algorithm>

namespace tpc::formula {

using namespace ir;
using Kind = Formula::Kind;

namespace {

void number_statements(const std::vector<Item>& items, std::vector<std::size_t>& position, std::size_t& next) {
    for (const Item& item : items) {
        if (const auto* loop = std::get_if<Loop>(&item.node))
            number_statements(loop->body, position, next);
        else
            position[std::get<std::uint32_t>(item.node)] = next++;
    }
}

// Zeros between samples are not listed.
void list(const Line& line, std::vector<Line>& lines) {
    if (line.target.kind == Kind::kernel || !is_number(line.value, 0))
        lines.push_back(line);
}

} // namespace

Build::Build(const limit::Recursions& given)
    : recursions(given), network(given.network), statements(network.program.statements.size()),
      boxes(diff::boxes(network.program)), position(statements + network.outputs.size()), cross(given.cross),
      self(given.self) {
    result.program = network.program;
    result.several_outputs = network.outputs.size() > 1 || (!network.outputs.empty() && !network.outputs[0].name.empty());
    std::size_t next = 0;
    number_statements(network.program.body, position, next);
    for (std::size_t k = 0; k < network.outputs.size(); ++k)
        position[statements + k] = next++;
    const auto earlier = [&](const limit::Equation& a, const limit::Equation& b) {
        return std::pair(position[a.left_statement], position[a.right_statement]) <
               std::pair(position[b.left_statement], position[b.right_statement]);
    };
    std::sort(cross.begin(), cross.end(), earlier);
    std::sort(self.begin(), self.end(), earlier);
}

Affine Build::prime(const Affine& a) const {
    return substitute(a, [&](Symbol s) -> std::optional<Affine> { return Affine::of(recursions.primed(s)); });
}

std::vector<std::size_t> sampled_statements(const limit::Recursions& recursions) {
    const auto joint = [](const limit::Equation& equation) {
        return std::any_of(equation.groups.begin(), equation.groups.end(), [](const auto& group) { return group.joint; });
    };
    if (std::none_of(recursions.cross.begin(), recursions.cross.end(), joint) &&
        std::none_of(recursions.self.begin(), recursions.self.end(), joint))
        return {};
    std::vector<std::size_t> result;
    const Program& program = recursions.network.program;
    for (std::size_t k = 0; k < program.statements.size(); ++k) {
        const std::uint32_t family = program.statements[k].family;
        if (recursions.involved[k] && program.families[family].type == Type::vector && !recursions.network.gaussian[family])
            result.push_back(k);
    }
    return result;
}

std::vector<std::pair<std::uint32_t, std::optional<std::uint32_t>>>
families_of_deviations(const limit::Recursions& recursions) {
    const Program& program = recursions.network.program;
    std::vector<bool> needed(program.families.size(), false);
    for (std::size_t k = 0; k < program.statements.size(); ++k)
        if (recursions.involved[k])
            needed[program.statements[k].family] = true;
    std::vector<std::pair<std::uint32_t, std::optional<std::uint32_t>>> result;
    for (std::uint32_t f = 0; f < program.families.size(); ++f)
        if (const std::uint32_t own = recursions.deviations.of[f]; own != f && needed[own])
            result.emplace_back(own, needed[f] ? std::optional(f) : std::nullopt);
    return result;
}

Formulas formulas(const limit::Recursions& recursions) {
    Build build(recursions);
    self_lines(build);
    for (const limit::Equation& equation : build.cross) {
        const Instance instance = instance_of(build, equation, false);
        Line line{target(build, equation, instance, Quantity::C, false),
                  false,
                  value_C(build, equation, instance, false),
                  instance.domain,
                  {}};
        list(line, build.is_output(equation) ? build.result.kernels : build.result.forward);
    }
    if (build.recursions.tangent) {
        for (const limit::Equation& equation : build.cross) {
            if (!equation.tangent)
                continue;
            const Instance instance = instance_of(build, equation, false);
            Line line{target(build, equation, instance, Quantity::T, false),
                      false,
                      value_T(build, equation, instance, true),
                      instance.domain,
                      {}};
            list(line, build.is_output(equation) ? build.result.kernels : build.result.tangent);
        }
        for (auto equation = build.cross.rbegin(); equation != build.cross.rend(); ++equation)
            if (equation->tangent)
                backward(build, *equation);
        merge_backward(build);
        ntk_of_gradients(build);
    }
    name_functions(build);
    return std::move(build.result);
}

} // namespace tpc::formula
