// An unrolled network at work: forward and back-propagation for all samples of a set at once. A vector of n coordinates
// is an n x S matrix whose columns are the samples, a scalar a row of S numbers.
#pragma once

#include "runtime/finite/coordinatewise.hpp"
#include "runtime/finite/draw.hpp"
#include "runtime/finite/tensor.hpp"

#include <unordered_map>

namespace tpc::finite {

struct Forward {
    std::size_t samples = 0;
    std::vector<Matrix> values; // by node
};

// Runs the network. Throws std::invalid_argument when the data do not have the shapes of the graph's inputs.
Forward forward(const Graph& graph, const Data& data, Draw& draw);

// The gradients of one scalar element f of the outputs with respect to the parameters as they stand in the network, for
// each sample its own (column s: of f at sample s).
struct Gradients {
    // d f / d W = sum over uses of (left column)(right column)', W the matrix member.
    struct Factor {
        Matrix adjoint; // d f / d (W x) for a use W x: the left factor; for a use W' x the right one
        NodeId use = 0;
    };
    std::vector<std::vector<Factor>> matrices; // by member
    std::vector<Matrix> vectors;               // by member: n x S, 1 x S, or empty where f does not depend on it
};

Gradients backward(const Graph& graph, const Forward& forward, NodeId output, Draw& draw, Slopes& slopes);

} // namespace tpc::finite
