// The program unrolled at given sizes: an ordinary network as a graph of whole vectors, for any width and any data.
#pragma once

#include "compiler/ir/program.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tpc::finite {

using NodeId = std::uint32_t;

// One random object of the network, a member of a family of parameters.
struct Member {
    std::uint32_t parameter = 0;
    std::vector<std::int64_t> indices;
    ir::ParameterKind kind = ir::ParameterKind::vector;
    double mean = 0;
    double scale = 1; // ir::Parameter::scale at the member
    double rate = 1;
    std::size_t reads = 0; // input matrices: d
};

enum class Kind : std::uint8_t {
    constant,    // `number`
    input,       // `rows` values of the sample's input `target` from `offset` on
    parameter,   // vector or scalar member `target`
    broadcast,   // the scalar operand at every coordinate
    matmul,      // matrix member `target` (transposed if so) times the operand
    dot,         // sum of the products of two operands' coordinates, divided by n if `averaged`
    mean,        // average of the operand's coordinates
    width_power, // n^(number / 2)
    apply,       // `function`, coordinatewise, scalars broadcast
    reduce       // `reduction` over the operands
};

// A value of one sample: a scalar (1 row), a finite vector (`rows` of them) or a vector of n coordinates (`rows` is 0).
struct Node {
    Kind kind = Kind::constant;
    ir::Type type = ir::Type::scalar;
    ir::Function function = ir::Function::neg;
    ir::Reduction reduction = ir::Reduction::sum;
    bool transposed = false;
    bool averaged = false;
    bool trained = false; // depends on a parameter
    std::uint32_t target = 0;
    std::uint32_t level = 0; // the largest number of matrices on a path to it
    std::size_t rows = 1;
    std::size_t offset = 0;
    double number = 0;
    std::vector<NodeId> operands;
};

// Uses of one matrix that do not depend on each other.
struct Batch {
    std::uint32_t member = 0;
    bool transposed = false;
    std::vector<NodeId> uses;
};

// Nodes of one level: the products first, then the others in order.
struct Level {
    std::vector<Batch> products;
    std::vector<NodeId> others;
};

struct OutputElements {
    std::string name;
    std::vector<std::size_t> shape; // of the output's family, empty for a single one; its length if it is no box
    std::vector<NodeId> elements;
};

// Operands come before their users; equal values are one node; nothing stands here that no output depends on.
struct Graph {
    std::vector<Node> nodes;
    std::vector<Member> members;
    std::vector<OutputElements> outputs;
    std::vector<Level> levels;
    std::vector<std::vector<std::size_t>> input_shapes; // by input: its axes
    // Vector and scalar members in which all outputs are jointly affine: readouts, and biases of outputs.
    std::vector<bool> readout; // by member
};

// Throws std::invalid_argument when the program reads an element that does not exist at these sizes (programs that
// resolve::verify_elements accepts do not).
Graph unroll(const ir::Program& program, const ir::Sizes& sizes);

} // namespace tpc::finite
