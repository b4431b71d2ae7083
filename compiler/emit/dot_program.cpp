#include "compiler/emit/dot.hpp"

#include "compiler/check/uses.hpp"
#include "compiler/emit/digraph.hpp"
#include "compiler/ir/print.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tpc::emit {
namespace {

using ir::ExprId;
using ir::Node;
using ir::Op;

std::string input_id(std::uint32_t input) {
    return fmt::format("input {}", input);
}
std::string family_id(std::uint32_t family) {
    return fmt::format("family {}", family);
}
std::string parameter_id(std::uint32_t parameter) {
    return fmt::format("parameter {}", parameter);
}

// A line of a stage's print, its domain close behind.
std::string squeezed(const std::string& line) {
    std::string text;
    for (const char c : line)
        if (c != '\n' && !(c == ' ' && text.ends_with("  ")))
            text += c;
    return text;
}

std::string indices(const ir::PrintNames& names, const ir::Access& access) {
    std::vector<std::string> parts;
    for (const ir::Affine& index : access.indices)
        parts.push_back(ir::print(names, index));
    const std::string mode = access.mode == ir::IndexMode::none ? "" : fmt::format(" | {}", ir::name_of(access.mode));
    return parts.empty() ? "" : fmt::format("[{}{}]", fmt::join(parts, ","), mode);
}

// An arrow from all that an expression reads. `own`: indices of what is defined, which need not be said.
class Reads {
  public:
    Reads(Digraph& graph, const ir::Program& program, std::string to, const std::vector<ir::Affine>& own)
        : graph_(graph), program_(program), to_(std::move(to)), own_(own.begin(), own.end()) {}

    void add(ExprId id, const std::string& matrix = "") {
        const Node& node = program_.exprs[id];
        switch (node.op) {
        case Op::read:
            return arrow(family_id(node.target), matrix, node.access);
        case Op::input:
        case Op::input_row:
            return arrow(input_id(node.target), matrix, node.access);
        case Op::matmul:
            return add(node.children[0], fmt::format("{}{}{}", program_.parameters[node.target].name,
                                                     indices(names_, node.access), node.transposed ? "'" : ""));
        default:
            for (const ExprId child : node.children)
                add(child, matrix);
        }
    }

  private:
    Digraph& graph_;
    const ir::Program& program_;
    const std::string to_;
    const llvm::SmallVector<ir::Affine, 2> own_;
    const ir::PrintNames names_{.program = &program_};

    void arrow(const std::string& from, const std::string& matrix, const ir::Access& access) {
        const bool same = access.mode == ir::IndexMode::none && access.indices == own_;
        const std::string where = same ? "" : indices(names_, access);
        graph_.edge(from, to_, matrix + (matrix.empty() || where.empty() ? "" : " ") + where);
    }
};

void add_inputs(Digraph& graph, const ir::Program& program) {
    const ir::PrintNames names{.program = &program};
    for (std::uint32_t k = 0; k < program.inputs.size(); ++k) {
        std::vector<std::string> axes;
        for (const ir::Affine& axis : program.inputs[k].axes)
            axes.push_back(ir::print(names, axis));
        graph.node(
            input_id(k),
            fmt::format("{} : R{}", program.inputs[k].name, axes.empty() ? "" : fmt::format("[{}]", fmt::join(axes, ", "))),
            Digraph::Shape::rounded);
    }
}

void add_statements(Digraph& graph, const ir::Program& program) {
    const ir::PrintNames names{.program = &program};
    for (const ir::Statement& statement : program.statements) {
        graph.node(family_id(statement.family), squeezed(ir::print(names, statement)));
        Reads(graph, program, family_id(statement.family), statement.indices).add(statement.value);
    }
}

} // namespace

std::string dot(const ir::Program& program) {
    Digraph graph;
    const ir::PrintNames names{.program = &program};
    add_inputs(graph, program);
    add_statements(graph, program);
    for (std::size_t k = 0; k < program.outputs.size(); ++k) {
        const ir::Output& output = program.outputs[k];
        const std::string id = fmt::format("output {}", k);
        graph.node(
            id, fmt::format("output {}{}", output.name.empty() ? "" : output.name + " = ", ir::print(names, output.value)),
            Digraph::Shape::rounded);
        Reads(graph, program, id, {}).add(output.value);
    }
    return graph.text(program.name);
}

std::string dot(const diff::Backward& backward) {
    Digraph graph;
    const ir::Program& program = backward.program;
    for (const diff::Equation& equation : backward.equations) {
        const std::string id = family_id(equation.family);
        graph.node(id, squeezed(diff::print(backward, equation)));
        const Node& base = program.exprs[equation.base];
        std::string matrix;
        for (const diff::Step& step : equation.steps) {
            if (step.kind == diff::Step::Kind::matrix)
                matrix = program.parameters[step.parameter].name + (step.transposed ? "'" : "");
        }
        if (base.op == Op::parameter) // the readout
            graph.node(parameter_id(base.target), program.parameters[base.target].name, Digraph::Shape::rounded);
        graph.edge(base.op == Op::parameter ? parameter_id(base.target) : family_id(base.target), id, matrix);
    }
    return graph.text(program.name);
}

} // namespace tpc::emit
