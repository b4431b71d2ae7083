#include "runtime/finite/graph_passes.hpp"

#include <algorithm>

namespace tpc::finite {
namespace {

// Degree of every node in the chosen members: 0, 1 or 2 (not affine).
bool all_affine(const Graph& graph, const std::vector<bool>& chosen) {
    std::vector<std::uint8_t> degree(graph.nodes.size());
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const Node& node = graph.nodes[id];
        std::uint8_t largest = 0;
        unsigned total = 0;
        for (NodeId operand : node.operands) {
            largest = std::max(largest, degree[operand]);
            total += degree[operand];
        }
        const auto product = static_cast<std::uint8_t>(std::min(total, 2U));
        const auto other = static_cast<std::uint8_t>(largest ? 2 : 0);
        switch (node.kind) {
        case Kind::parameter:
            degree[id] = chosen[node.target] ? 1 : 0;
            break;
        case Kind::constant:
        case Kind::input:
        case Kind::width_power:
            break;
        case Kind::broadcast:
        case Kind::mean:
        case Kind::matmul:
            degree[id] = largest;
            break;
        case Kind::dot:
            degree[id] = product;
            break;
        case Kind::reduce:
            degree[id] = node.reduction == ir::Reduction::sum || node.reduction == ir::Reduction::mean ? largest : other;
            break;
        case Kind::apply:
            switch (node.function) {
            case ir::Function::neg:
            case ir::Function::add:
            case ir::Function::sub:
                degree[id] = largest;
                break;
            case ir::Function::mul:
                degree[id] = product;
                break;
            case ir::Function::div:
                degree[id] = degree[node.operands[1]] ? 2 : degree[node.operands[0]];
                break;
            default:
                degree[id] = other;
            }
        }
    }
    for (const OutputElements& output : graph.outputs)
        for (NodeId id : output.elements)
            if (degree[id] > 1)
                return false;
    return true;
}

} // namespace

void prune(Graph& graph) {
    std::vector<bool> live(graph.nodes.size());
    for (const OutputElements& output : graph.outputs)
        for (NodeId id : output.elements)
            live[id] = true;
    std::vector<bool> used(graph.members.size());
    for (std::size_t id = graph.nodes.size(); id-- > 0;) {
        if (!live[id])
            continue;
        const Node& node = graph.nodes[id];
        for (NodeId operand : node.operands)
            live[operand] = true;
        if (node.kind == Kind::parameter || node.kind == Kind::matmul)
            used[node.target] = true;
    }
    std::vector<std::uint32_t> member_name(graph.members.size());
    std::vector<Member> members;
    for (std::size_t m = 0; m < used.size(); ++m) {
        member_name[m] = static_cast<std::uint32_t>(members.size());
        if (used[m])
            members.push_back(std::move(graph.members[m]));
    }
    std::vector<NodeId> name(graph.nodes.size());
    std::vector<Node> nodes;
    for (std::size_t id = 0; id < live.size(); ++id) {
        if (!live[id])
            continue;
        name[id] = static_cast<NodeId>(nodes.size());
        Node node = std::move(graph.nodes[id]);
        for (NodeId& operand : node.operands)
            operand = name[operand];
        if (node.kind == Kind::parameter || node.kind == Kind::matmul)
            node.target = member_name[node.target];
        nodes.push_back(std::move(node));
    }
    for (OutputElements& output : graph.outputs)
        for (NodeId& id : output.elements)
            id = name[id];
    graph.nodes = std::move(nodes);
    graph.members = std::move(members);
}

void arrange(Graph& graph) {
    for (NodeId id = 0; id < graph.nodes.size(); ++id) {
        const Node& node = graph.nodes[id];
        if (graph.levels.size() <= node.level)
            graph.levels.resize(node.level + 1);
        Level& level = graph.levels[node.level];
        if (node.kind != Kind::matmul) {
            level.others.push_back(id);
            continue;
        }
        auto batch = std::find_if(level.products.begin(), level.products.end(), [&](const Batch& b) {
            return b.member == node.target && b.transposed == node.transposed;
        });
        if (batch == level.products.end())
            batch = level.products.insert(batch, Batch{node.target, node.transposed, {}});
        batch->uses.push_back(id);
    }
}

void find_readouts(Graph& graph) {
    constexpr NodeId none = ~NodeId{0};
    std::vector<NodeId> first_use(graph.members.size(), none);
    for (NodeId id = 0; id < graph.nodes.size(); ++id)
        for (NodeId operand : graph.nodes[id].operands) {
            const Node& node = graph.nodes[operand];
            if (node.kind == Kind::parameter && first_use[node.target] == none)
                first_use[node.target] = id;
        }
    std::vector<std::uint32_t> candidates;
    for (const Node& node : graph.nodes)
        if (node.kind == Kind::parameter)
            candidates.push_back(node.target);
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return first_use[a] > first_use[b]; });
    graph.readout.assign(graph.members.size(), false);
    for (std::uint32_t member : candidates) {
        graph.readout[member] = true;
        if (!all_affine(graph, graph.readout))
            graph.readout[member] = false;
    }
}

} // namespace tpc::finite
