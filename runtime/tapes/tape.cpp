#include "runtime/tapes/tape.hpp"

#include "runtime/tapes/elementwise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tpc::joint {

using ir::Function;
using Kind = TapeNode::Kind;

NodeId Tape::add(const TapeNode& node) {
    const auto [place, fresh] = index_.try_emplace(node, static_cast<NodeId>(nodes_.size()));
    if (fresh)
        nodes_.push_back(node);
    return place->second;
}

NodeId Tape::number(double value) {
    TapeNode node;
    node.number = value == 0 ? 0 : value; // one zero
    return add(node);
}

NodeId Tape::sample(std::uint32_t index) {
    TapeNode node;
    node.kind = Kind::sample;
    node.index = index;
    return add(node);
}

NodeId Tape::gaussian(std::uint32_t index) {
    TapeNode node;
    node.kind = Kind::gaussian;
    node.index = index;
    return add(node);
}

bool Tape::is_number(NodeId id, double value) const {
    return nodes_[id].kind == Kind::number && nodes_[id].number == value;
}

namespace {

bool is_non_negative(const TapeNode& node) {
    if (node.kind == Kind::number)
        return node.number >= 0;
    return node.kind == Kind::apply && (node.function == Function::sqrt || node.function == Function::square ||
                                        node.function == Function::exp || node.function == Function::abs);
}

} // namespace

// relu(x / s) = relu(x) / s and step(x / s) = step(x) for s that is never negative.
std::optional<NodeId> Tape::without_positive_factor(Function function, NodeId a, std::optional<NodeId> b) {
    const bool scales = function == Function::relu || function == Function::abs || function == Function::leaky_relu;
    const bool stays = function == Function::step || function == Function::sign;
    const TapeNode argument = nodes_[a];
    if ((!scales && !stays) || argument.kind != Kind::apply)
        return std::nullopt;
    NodeId rest = argument.a;
    NodeId factor = argument.b;
    if (argument.function == Function::mul && is_non_negative(nodes_[rest]))
        std::swap(rest, factor);
    if ((argument.function != Function::mul && argument.function != Function::div) || !is_non_negative(nodes_[factor]))
        return std::nullopt;
    const NodeId inner = apply(function, rest, b);
    return stays ? inner : apply(argument.function, inner, factor);
}

// x^(k/2) for small k without the library's function, which costs as much as all else.
std::optional<NodeId> Tape::power(NodeId base, double exponent) {
    constexpr double largest = 8;
    if (!(std::abs(exponent) <= largest) || std::floor(2 * exponent) != 2 * exponent)
        return std::nullopt;
    if (exponent < 0)
        return apply(Function::div, number(1), *power(base, -exponent));
    NodeId result = number(1);
    if (std::floor(exponent) != exponent)
        result = apply(Function::sqrt, base);
    NodeId square = base;
    for (auto rest = static_cast<unsigned>(exponent); rest > 0; rest /= 2) {
        if (rest % 2 != 0)
            result = apply(Function::mul, square, result);
        if (rest > 1)
            square = apply(Function::square, square);
    }
    return result;
}

NodeId Tape::apply(Function function, NodeId a, std::optional<NodeId> b) {
    const auto constant = [&](NodeId id) { return nodes_[id].kind == Kind::number; };
    if (constant(a) && (!b || constant(*b))) {
        const double arguments[] = {nodes_[a].number, b ? nodes_[*b].number : 0};
        return number(ir::evaluate(function, llvm::ArrayRef(arguments, b ? 2 : 1)));
    }
    switch (function) {
    case Function::add:
        if (is_number(a, 0))
            return *b;
        if (is_number(*b, 0))
            return a;
        break;
    case Function::sub:
        if (is_number(*b, 0))
            return a;
        if (is_number(a, 0))
            return apply(Function::neg, *b);
        break;
    case Function::mul:
        if (is_number(a, 0) || is_number(*b, 0))
            return number(0);
        if (is_number(a, 1))
            return *b;
        if (is_number(*b, 1))
            return a;
        break;
    case Function::div:
        if (is_number(a, 0))
            return a;
        if (is_number(*b, 1))
            return a;
        break;
    case Function::pow:
        if (constant(*b))
            if (const auto simpler = power(a, nodes_[*b].number))
                return *simpler;
        break;
    case Function::max:
        return a == *b ? a : apply(Function::add, *b, apply(Function::relu, apply(Function::sub, a, *b)));
    case Function::min:
        return a == *b ? a : apply(Function::sub, a, apply(Function::relu, apply(Function::sub, a, *b)));
    default:
        if (const auto simpler = without_positive_factor(function, a, b))
            return *simpler;
        break;
    }
    if (b && (function == Function::add || function == Function::mul) && *b < a)
        std::swap(a, *b); // commutative: one order
    TapeNode node;
    node.kind = Kind::apply;
    node.function = function;
    node.a = a;
    node.b = b.value_or(a);
    return add(node);
}

NodeId Tape::instantiate(ir::ExprId rule, const TapeNode& node) {
    const ir::Node expression = rules_[rule];
    switch (expression.op) {
    case ir::Op::number:
        return number(expression.number);
    case ir::Op::variable:
        return expression.target == 0 ? node.a : node.b;
    default:
        break;
    }
    const NodeId a = instantiate(expression.children[0], node);
    if (expression.children.size() == 1)
        return apply(expression.function, a);
    NodeId result = apply(expression.function, a, instantiate(expression.children[1], node));
    for (std::size_t k = 2; k < expression.children.size(); ++k)
        result = apply(expression.function, result, instantiate(expression.children[k], node));
    return result;
}

NodeId Tape::derivative(const TapeNode& node, unsigned argument) {
    auto [place, fresh] = rule_of_.try_emplace({node.function, argument});
    if (fresh) {
        llvm::SmallVector<ir::ExprId, 2> arguments;
        for (unsigned k = 0; k < (is_binary(node.function) ? 2U : 1U); ++k) {
            ir::Node variable;
            variable.op = ir::Op::variable;
            // exponents and slopes are numbers of the sample
            const bool scalar = k == 1 && (node.function == Function::pow || node.function == Function::leaky_relu);
            variable.type = scalar ? ir::Type::scalar : ir::Type::vector;
            variable.target = k;
            arguments.push_back(rules_.add(variable));
        }
        place->second = ir::derivative(rules_, node.function, arguments, argument);
    }
    return instantiate(place->second, node);
}

std::vector<NodeId> Tape::gradient(NodeId output, std::uint32_t gaussians) {
    const NodeId zero = number(0);
    std::vector<NodeId> adjoint(output + 1, zero);
    adjoint[output] = number(1);
    std::vector<NodeId> result(gaussians, zero);
    for (NodeId id = output + 1; id-- > 0;) {
        if (adjoint[id] == zero)
            continue;
        const TapeNode node = nodes_[id]; // a copy: the tape grows below
        if (node.kind == Kind::gaussian)
            result[node.index] = adjoint[id];
        if (node.kind != Kind::apply)
            continue;
        const auto pass = [&](NodeId argument, unsigned k) {
            const Kind kind = nodes_[argument].kind;
            if (kind == Kind::gaussian || kind == Kind::apply)
                adjoint[argument] =
                    apply(Function::add, adjoint[argument], apply(Function::mul, adjoint[id], derivative(node, k)));
        };
        pass(node.a, 0);
        if (is_binary(node.function))
            pass(node.b, 1);
    }
    return result;
}

std::vector<bool> varying(const Tape& tape) {
    std::vector<bool> result;
    for (const TapeNode& node : tape.nodes())
        result.push_back(node.kind == Kind::gaussian || (node.kind == Kind::apply && (result[node.a] || result[node.b])));
    return result;
}

std::vector<bool> needed_for(const Tape& tape, const std::vector<NodeId>& outputs) {
    std::vector<bool> result(tape.nodes().size(), false);
    for (const NodeId id : outputs)
        result[id] = true;
    for (auto id = static_cast<NodeId>(result.size()); id-- > 0;)
        if (const TapeNode& node = tape.nodes()[id]; result[id] && node.kind == Kind::apply)
            result[node.a] = result[node.b] = true;
    return result;
}

std::vector<Degree> degrees(const Tape& tape) {
    std::vector<Degree> result;
    for (const TapeNode& node : tape.nodes()) {
        Degree degree;
        if (node.kind == Kind::number)
            degree = {true, node.number == 0, 0};
        else if (node.kind == Kind::sample)
            degree = {true, false, 0};
        else if (node.kind == Kind::gaussian)
            degree = {true, false, 1};
        else {
            const Degree a = result[node.a];
            const Degree b = result[node.b];
            switch (node.function) {
            case Function::neg:
            case Function::relu:
            case Function::abs:
                degree = a;
                break;
            case Function::leaky_relu:
                degree = b.known && b.value == 0 ? a : Degree{};
                break;
            case Function::sign:
            case Function::step:
                degree = {a.known, false, 0};
                break;
            case Function::square:
                degree = {a.known, a.zero, 2 * a.value};
                break;
            case Function::sqrt:
                degree = {a.known, a.zero, a.value / 2};
                break;
            case Function::pow: {
                const TapeNode& exponent = tape.nodes()[node.b];
                if (exponent.kind == Kind::number)
                    degree = {a.known, a.zero, exponent.number * a.value};
                break;
            }
            case Function::mul:
                degree = {a.known && b.known, a.zero || b.zero, a.value + b.value};
                break;
            case Function::div:
                degree = {a.known && b.known, a.zero, a.value - b.value};
                break;
            case Function::add:
            case Function::sub:
                if (a.zero)
                    degree = b;
                else if (b.zero)
                    degree = a;
                else if (a.known && b.known && a.value == b.value)
                    degree = a;
                break;
            default:
                // any function of numbers alone, or of what does not change with the scale
                if (a.known && a.value == 0 && !a.zero)
                    degree = {true, false, 0};
                break;
            }
        }
        result.push_back(degree);
    }
    return result;
}

template <class Real>
BasicTapeRun<Real>::BasicTapeRun(const Tape& tape, const std::vector<NodeId>& outputs, std::size_t block,
                                 const double* samples)
    : tape_(tape), block_((block + row_step - 1) / row_step * row_step), place_(tape.nodes().size(), 0) {
    constexpr NodeId never = std::numeric_limits<NodeId>::max();
    std::vector<NodeId> last(tape.nodes().size(), 0); // who reads it last; 0: nobody
    for (const NodeId id : outputs)
        last[id] = never;
    for (NodeId id = static_cast<NodeId>(last.size()); id-- > 0;) {
        const TapeNode& node = tape.nodes()[id];
        if (last[id] == 0)
            continue;
        if (node.kind == Kind::apply) {
            last[node.a] = std::max(last[node.a], id);
            last[node.b] = std::max(last[node.b], id);
        }
    }
    // A row is used again once nobody reads it.
    std::vector<std::size_t> open;
    std::size_t rows = 0;
    std::vector<NodeId> constants;
    for (NodeId id = 0; id < last.size(); ++id) {
        if (last[id] == 0)
            continue;
        const TapeNode& node = tape.nodes()[id];
        if (node.kind == Kind::number || node.kind == Kind::sample) {
            place_[id] = rows++; // its own: written once for all points
            constants.push_back(id);
            continue;
        }
        used_.push_back(id);
        if (open.empty())
            open.push_back(rows++);
        place_[id] = open.back();
        open.pop_back();
        if (node.kind != Kind::apply)
            continue;
        const auto done = [&](NodeId argument) {
            const Kind kind = tape.nodes()[argument].kind;
            if (last[argument] == id && (kind == Kind::gaussian || kind == Kind::apply))
                open.push_back(place_[argument]);
        };
        done(node.a);
        if (node.b != node.a)
            done(node.b);
    }
    rows_.resize(rows * block_);
    for (const NodeId id : constants) {
        const TapeNode& node = tape.nodes()[id];
        std::fill_n(rows_.data() + place_[id] * block_, block_,
                    static_cast<Real>(node.kind == Kind::number ? node.number : samples[node.index]));
    }
}

template <class Real> void BasicTapeRun<Real>::evaluate(const Real* gaussians, std::size_t stride, std::size_t points) {
    const std::size_t count = (points + row_step - 1) / row_step * row_step;
    for (const NodeId id : used_) {
        const TapeNode& node = tape_.nodes()[id];
        Real* out = rows_.data() + place_[id] * block_;
        if (node.kind == Kind::gaussian)
            std::copy_n(gaussians + node.index * stride, points, out);
        else
            elementwise(node.function, row(node.a), row(node.b), out, count);
    }
}

template class BasicTapeRun<double>;
template class BasicTapeRun<float>;

} // namespace tpc::joint
