// What the outputs reach: the statements of the network and the uses of parameters in them.
#pragma once

#include "compiler/check/bounds.hpp"
#include "compiler/check/gia.hpp"

#include <llvm/ADT/DenseSet.h>
#include <llvm/ADT/STLExtras.h>

#include <optional>
#include <vector>

namespace tpc::check {

// Every node below `root` once, parents first.
template <class Function> void visit(const ir::ExprTable& table, ir::ExprId root, Function&& function) {
    llvm::DenseSet<std::uint32_t> seen;
    std::vector<ir::ExprId> stack{root};
    while (!stack.empty()) {
        const ir::ExprId id = stack.back();
        stack.pop_back();
        if (!seen.insert(static_cast<std::uint32_t>(id)).second)
            continue;
        const ir::Node& node = table[id];
        function(id, node);
        for (const ir::ExprId child : llvm::reverse(node.children))
            stack.push_back(child);
    }
}

// Where an expression stands: in a statement, or in an output's term (its vector or its coefficient).
struct Place {
    std::optional<std::uint32_t> statement;
    std::uint32_t output = 0;
};

// A matmul, vector or scalar parameter, or power of n below the outputs (readouts themselves left out), in program order.
struct Use {
    ir::ExprId node{};
    Place place;
};

// How a statement was reached: the read that led there, and where that read stands.
struct Arrival {
    ir::ExprId read{};
    Place place;
};

struct Reach {
    std::vector<std::optional<Arrival>> statements; // by statement; nothing when no output depends on it
    std::vector<Use> uses;
};

// Breadth first, so that every way to an output is a shortest one. A read reaches the statements whose elements it may name
// (index ranges decide; never too few).
Reach reach(const ir::Program& program, const std::vector<std::vector<OutputTerm>>& terms, const Bindings& bindings);

} // namespace tpc::check
