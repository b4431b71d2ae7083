#include "compiler/emit/digraph.hpp"

#include <fmt/format.h>

namespace tpc::emit {
namespace {

// Lines are flush left.
std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            result += '\\';
        result += c == '\n' ? "\\l" : std::string(1, c);
    }
    return result + '"';
}

const char* style(Digraph::Shape shape) {
    switch (shape) {
    case Digraph::Shape::rounded:
        return ", style=rounded";
    case Digraph::Shape::plain:
        return ", shape=plaintext";
    default:
        return "";
    }
}

} // namespace

void Digraph::node(const std::string& id, const std::string& label, Shape shape, const std::string& group) {
    const auto [place, is_new] = places_.try_emplace(id, nodes_.size());
    if (is_new)
        nodes_.push_back({id, label, group, shape});
    else
        nodes_[place->second].label += "\n" + label;
}

void Digraph::edge(const std::string& from, const std::string& to, const std::string& label) {
    if (seen_.emplace(from, to, label).second)
        edges_.emplace_back(from, to, label);
}

std::string Digraph::text(const std::string& title) const {
    std::string result = fmt::format("digraph {} {{\n  rankdir=BT\n  node [shape=box, fontname=monospace]\n", quoted(title));
    std::map<std::string, std::string> groups;
    for (const Node& node : nodes_) {
        const std::string label = node.label + (node.label.find('\n') == std::string::npos ? "" : "\n");
        groups[node.group] += fmt::format("  {} [label={}{}]\n", quoted(node.id), quoted(label), style(node.shape));
    }
    for (const auto& [group, nodes] : groups)
        result += group.empty() ? nodes
                                : fmt::format("  subgraph {} {{\n  label={}\n{}  }}\n", quoted("cluster " + group),
                                              quoted(group), nodes);
    for (const auto& [from, to, label] : edges_)
        if (places_.contains(from) && places_.contains(to))
            result += fmt::format("  {} -> {}{}\n", quoted(from), quoted(to),
                                  label.empty() ? "" : fmt::format(" [label={}]", quoted(label)));
    return result + "}\n";
}

} // namespace tpc::emit
