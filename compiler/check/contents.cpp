#include "compiler/check/contents.hpp"

namespace tpc::check {
namespace {

void merge(Contents& into, const Contents& from) {
    into.random |= from.random;
    into.power |= from.power;
    into.moment |= from.moment;
}

} // namespace

Analysis::Analysis(const ir::Program& program) : program_(&program), families_(program.families.size()) {
    for (bool changed = true; changed;) {
        changed = false;
        for (const ir::Statement& statement : program.statements) {
            if (program.families[statement.family].type == ir::Type::vector)
                continue;
            const Contents before = families_[statement.family];
            merge(families_[statement.family], of(statement.value));
            changed |= !(before == families_[statement.family]);
        }
    }
}

Contents Analysis::of(ir::ExprId id) const {
    const ir::Node& node = program_->exprs[id];
    switch (node.op) {
    case ir::Op::moment:
    case ir::Op::mean:
        return {.random = false, .power = false, .moment = true}; // converges, whatever is inside
    case ir::Op::width_power:
        return {.random = true, .power = true, .moment = false};
    case ir::Op::parameter:
        return {.random = node.type == ir::Type::scalar, .power = false, .moment = false};
    case ir::Op::read:
        return families_[node.target];
    default:
        break;
    }
    Contents result;
    for (const ir::ExprId child : node.children)
        merge(result, of(child));
    return result;
}

} // namespace tpc::check
