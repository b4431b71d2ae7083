#include "compiler/resolve/usage.hpp"

namespace tpc::resolve {
namespace {

struct Reach {
    const ir::Program& program;
    std::vector<std::vector<ExprId>> values; // by family
    std::vector<bool> exprs, families, parameters;
    std::vector<ExprId> pending;

    void visit(ExprId expr) {
        if (!exprs[static_cast<std::uint32_t>(expr)]) {
            exprs[static_cast<std::uint32_t>(expr)] = true;
            pending.push_back(expr);
        }
    }

    void run() {
        while (!pending.empty()) {
            const auto& node = program.exprs[pending.back()];
            pending.pop_back();
            for (const auto child : node.children) {
                visit(child);
            }
            if (node.op == ir::Op::parameter || node.op == ir::Op::matmul) {
                parameters[node.target] = true;
            } else if (node.op == ir::Op::read && !families[node.target]) {
                families[node.target] = true;
                for (const auto value : values[node.target]) {
                    visit(value);
                }
            }
        }
    }
};

} // namespace

void warn_unused(Context& context) {
    const auto& program = context.program;
    Reach reach{program, {}, {}, {}, {}, {}};
    reach.values.resize(program.families.size());
    reach.exprs.resize(program.exprs.size());
    reach.families.resize(program.families.size());
    reach.parameters.resize(program.parameters.size());
    for (const auto& statement : program.statements) {
        reach.values[statement.family].push_back(statement.value);
    }
    for (const auto& output : program.outputs) {
        reach.visit(output.value);
    }
    reach.run();
    for (std::size_t k = 0; k < program.families.size(); ++k) {
        if (!reach.families[k] && !reach.values[k].empty()) {
            context.report(Id::unused_value, program.families[k].span, program.families[k].name);
        }
    }
    for (std::size_t k = 0; k < program.parameters.size(); ++k) {
        if (!reach.parameters[k] && !context.draws[k].mentioned) {
            context.report(Id::unused_value, program.parameters[k].span, program.parameters[k].name);
        }
    }
}

} // namespace tpc::resolve
