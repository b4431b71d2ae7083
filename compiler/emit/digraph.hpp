// A directed graph as text for Graphviz.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace tpc::emit {

class Digraph {
  public:
    enum class Shape { box, rounded, plain };
    // Repeated labels of one node are lines below each other. `group`: of nodes that stand together, "" for none.
    void node(const std::string& id, const std::string& label, Shape shape = Shape::box, const std::string& group = "");
    // Once, whatever how often it is added. Ends that are no node are left out of the text.
    void edge(const std::string& from, const std::string& to, const std::string& label = "");
    [[nodiscard]] std::string text(const std::string& title) const;

  private:
    struct Node {
        std::string id, label, group;
        Shape shape = Shape::box;
    };
    std::vector<Node> nodes_;
    std::map<std::string, std::size_t> places_;
    std::vector<std::tuple<std::string, std::string, std::string>> edges_;
    std::set<std::tuple<std::string, std::string, std::string>> seen_;
};

} // namespace tpc::emit
