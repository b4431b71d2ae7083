#include "runtime/expectations/joint_loops.hpp"

namespace tpc::execute {

std::optional<std::int64_t> JointLoop::last(const plan::Path& path, const std::int64_t* slots) const {
    for (std::size_t d = 0; d < loops.size(); ++d) {
        if (d >= path.size() || loops[d]->position != path[d].position)
            return std::nullopt;
        if (d + 1 == loops.size())
            return path[d].iteration;
        if (slots[loops[d]->range.slot] != path[d].iteration)
            return std::nullopt;
    }
    return std::nullopt;
}

namespace {

void find_joint_loops(const plan::Part& part, const network::Network& network, const std::vector<plan::WalkItem>& items,
                      std::vector<const plan::WalkItem*>& around, std::vector<JointLoop>& result) {
    const auto gaussian = [&](std::size_t statement) {
        return network.gaussian[network.program.statements[statement].family];
    };
    for (const plan::WalkItem& item : items) {
        if (!item.loop)
            continue;
        around.push_back(&item);
        find_joint_loops(part, network, item.children, around, result);
        bool independent = true;
        for (const plan::WalkItem& child : item.children) {
            independent = independent && !child.loop;
            for (const std::uint32_t k : child.ops) {
                const plan::PairOp& op = part.ops[k];
                independent = independent && (op.output || !gaussian(op.left_statement) || !gaussian(op.right_statement));
            }
        }
        for (const plan::WalkItem& child : item.children)
            for (const std::uint32_t k : child.ops)
                result[k].loops = independent ? around : std::vector<const plan::WalkItem*>();
        around.pop_back();
    }
}

} // namespace

std::vector<JointLoop> joint_loops(const plan::Part& part, const network::Network& network) {
    std::vector<JointLoop> result(part.ops.size());
    std::vector<const plan::WalkItem*> around;
    for (const std::vector<plan::WalkItem>& items : part.right)
        find_joint_loops(part, network, items, around, result);
    return result;
}

} // namespace tpc::execute
