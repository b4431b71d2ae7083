// A function of several Gaussians as a list of operations, evaluated for many points at once.
#pragma once

#include "compiler/ir/expression.hpp"

#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace tpc::joint {

using NodeId = std::uint32_t;

// One value: a number, number `index` of a sample, Gaussian `index`, or a function of earlier values.
struct TapeNode {
    enum class Kind : std::uint8_t { number, sample, gaussian, apply };
    Kind kind = Kind::number;
    ir::Function function = ir::Function::neg;
    std::uint32_t index = 0;
    NodeId a = 0, b = 0; // b == a for functions of one argument
    double number = 0;
    auto operator<=>(const TapeNode&) const = default;
};

// Equal values are one node; numbers are folded, zeros and ones dropped, positive factors leave kinks and jumps, maxima
// and minima become relu: max(x, y) = y + relu(x - y), and powers of small multiples of 1/2 products and roots.
class Tape {
  public:
    NodeId number(double value);
    NodeId sample(std::uint32_t index);
    NodeId gaussian(std::uint32_t index);
    NodeId apply(ir::Function function, NodeId a, std::optional<NodeId> b = std::nullopt);

    // d output / d Gaussian k for k below `gaussians`, by the reverse sweep; jumps count 0 and kinks the mean of both sides.
    std::vector<NodeId> gradient(NodeId output, std::uint32_t gaussians);

    [[nodiscard]] const std::vector<TapeNode>& nodes() const { return nodes_; }
    [[nodiscard]] bool is_number(NodeId id, double value) const;

  private:
    std::vector<TapeNode> nodes_;
    std::map<TapeNode, NodeId> index_;
    ir::ExprTable rules_; // derivatives of the functions by their arguments, over variables 0 and 1
    std::map<std::pair<ir::Function, unsigned>, ir::ExprId> rule_of_;

    NodeId add(const TapeNode& node);
    std::optional<NodeId> without_positive_factor(ir::Function function, NodeId a, std::optional<NodeId> b);
    std::optional<NodeId> power(NodeId base, double exponent);
    NodeId derivative(const TapeNode& node, unsigned argument);
    NodeId instantiate(ir::ExprId rule, const TapeNode& node);
};

// By node: whether it depends on Gaussians, and whether an output depends on it.
std::vector<bool> varying(const Tape& tape);
std::vector<bool> needed_for(const Tape& tape, const std::vector<NodeId>& outputs);

// The degree in which a node is homogeneous in all Gaussians (f(c z) = c^degree f(z) for c > 0); nothing if it is not, or
// not seen to be. Numbers have degree 0, zero has every degree.
struct Degree {
    bool known = false, zero = false;
    double value = 0;
};
std::vector<Degree> degrees(const Tape& tape);

// Rows of values for blocks of points.
template <class Real> class BasicTapeRun {
  public:
    BasicTapeRun(const Tape& tape, const std::vector<NodeId>& outputs, std::size_t block, const double* samples);
    // At most `block` points; `gaussians` has one row a Gaussian, `stride` apart.
    void evaluate(const Real* gaussians, std::size_t stride, std::size_t points);
    // Of an output, at the points of the last block.
    [[nodiscard]] const Real* row(NodeId id) const { return rows_.data() + place_[id] * block_; }

  private:
    const Tape& tape_;
    std::size_t block_; // a multiple of row_step
    std::vector<NodeId> used_;
    std::vector<std::size_t> place_;
    std::vector<Real> rows_;
};
using TapeRun = BasicTapeRun<double>;

} // namespace tpc::joint
