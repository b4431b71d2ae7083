#include "runtime/finite/graph.hpp"

#include "compiler/ir/indexing.hpp"
#include "compiler/resolve/resolve.hpp"
#include "runtime/finite/graph_passes.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <unordered_map>

namespace tpc::finite {
namespace {

using Index = std::vector<std::int64_t>;

struct IndexHash {
    std::size_t operator()(const Index& index) const {
        return static_cast<std::size_t>(llvm::hash_combine_range(index.begin(), index.end()));
    }
};

class Unroller {
  public:
    Unroller(const ir::Program& program, const ir::Sizes& sizes)
        : program_(program), symbols_(sizes), extents_(resolve::extents(program, sizes)),
          elements_(program.families.size()) {
        for (const auto& [symbol, size] : program.sizes)
            symbols_.emplace(symbol, size);
        for (const ir::Input& input : program.inputs) {
            auto& shape = graph_.input_shapes.emplace_back();
            for (const ir::Affine& axis : input.axes)
                shape.push_back(static_cast<std::size_t>(value(axis)));
        }
        declare_members();
    }

    Graph run() {
        for (const ir::Item& item : program_.body)
            execute(item);
        for (const ir::Output& output : program_.outputs)
            emit(output);
        return std::move(graph_);
    }

  private:
    // Symbols and conditions

    std::int64_t value(const ir::Affine& affine) const {
        const auto result = ir::evaluate(affine, [&](ir::Symbol symbol) {
            const auto found = symbols_.find(symbol);
            if (found == symbols_.end())
                throw std::invalid_argument(fmt::format("no size for '{}'", program_.info(symbol).name));
            return found->second;
        });
        if (!result)
            throw std::invalid_argument("an index or size that is not an integer");
        return *result;
    }

    template <class Body> void for_all(llvm::ArrayRef<ir::Range> ranges, const Body& body) {
        if (ranges.empty())
            return body();
        const ir::Range& range = ranges.front();
        const std::int64_t upper = value(range.upper);
        for (std::int64_t i = value(range.lower); i <= upper; ++i) {
            symbols_[range.index] = i;
            for_all(ranges.drop_front(), body);
        }
        symbols_.erase(range.index);
    }

    bool holds(const ir::Condition& condition) const { return ir::holds(condition.relation, value(condition.value)); }

    Index indices(llvm::ArrayRef<ir::Affine> affine) const {
        Index result;
        for (const ir::Affine& a : affine)
            result.push_back(value(a));
        return result;
    }

    // Parameters

    double number(ir::ExprId id) const {
        const ir::Node& node = program_.exprs[id];
        if (node.op == ir::Op::number)
            return node.number;
        if (node.op == ir::Op::affine)
            return static_cast<double>(value(node.affine));
        if (node.op != ir::Op::apply)
            throw std::logic_error("the law of a parameter is not made of numbers");
        llvm::SmallVector<double, 2> arguments;
        for (ir::ExprId child : node.children)
            arguments.push_back(number(child));
        return ir::evaluate(node.function, arguments);
    }

    void declare_members() {
        for (std::uint32_t p = 0; p < program_.parameters.size(); ++p) {
            const ir::Parameter& parameter = program_.parameters[p];
            auto& extent = boxes_.emplace_back();
            auto& found = members_.emplace_back();
            for_all(parameter.family, [&] {
                Member member;
                member.parameter = p;
                member.kind = parameter.kind;
                for (const ir::Range& range : parameter.family)
                    member.indices.push_back(symbols_.at(range.index));
                member.mean = number(parameter.mean);
                member.scale = number(parameter.scale);
                member.rate = number(parameter.rate);
                if (!(member.scale >= 0))
                    throw std::invalid_argument(fmt::format("the variance of '{}' is negative", parameter.name));
                if (parameter.kind == ir::ParameterKind::input_matrix)
                    member.reads = static_cast<std::size_t>(value(parameter.reads.value()));
                include(extent, member.indices);
                found.emplace(member.indices, static_cast<std::uint32_t>(graph_.members.size()));
                graph_.members.push_back(std::move(member));
            });
        }
    }

    static void include(resolve::Extent& extent, const Index& index) {
        if (extent.lower.empty())
            extent.lower = extent.upper = index;
        for (std::size_t k = 0; k < index.size(); ++k) {
            extent.lower[k] = std::min(extent.lower[k], index[k]);
            extent.upper[k] = std::max(extent.upper[k], index[k]);
        }
    }

    // The element that an access means: false when it reads 0.
    static bool fold(Index& index, ir::IndexMode mode, const resolve::Extent& extent) {
        if (mode == ir::IndexMode::none || extent.lower.size() != index.size())
            return true;
        for (std::size_t k = 0; k < index.size(); ++k) {
            const auto inside = ir::apply_mode(index[k], extent.lower[k], extent.upper[k], mode);
            if (!inside && mode == ir::IndexMode::zero)
                return false;
            if (!inside)
                throw std::invalid_argument("an index into an empty family");
            index[k] = *inside;
        }
        return true;
    }

    // Nodes, numbered by value

    NodeId add(Node node) {
        for (NodeId operand : node.operands) {
            node.level = std::max(node.level, graph_.nodes[operand].level);
            node.trained = node.trained || graph_.nodes[operand].trained;
        }
        if (node.kind == Kind::matmul)
            ++node.level;
        node.trained = node.trained || node.kind == Kind::matmul || node.kind == Kind::parameter;
        Index key{static_cast<std::int64_t>(node.kind),
                  static_cast<std::int64_t>(node.type),
                  static_cast<std::int64_t>(node.function),
                  static_cast<std::int64_t>(node.reduction),
                  node.transposed,
                  node.averaged,
                  node.target,
                  static_cast<std::int64_t>(node.rows),
                  static_cast<std::int64_t>(node.offset),
                  std::bit_cast<std::int64_t>(node.number)};
        key.insert(key.end(), node.operands.begin(), node.operands.end());
        const auto [found, fresh] = numbering_.emplace(std::move(key), static_cast<NodeId>(graph_.nodes.size()));
        if (fresh)
            graph_.nodes.push_back(std::move(node));
        return found->second;
    }

    NodeId constant(double number) {
        Node node;
        node.number = number;
        return add(std::move(node));
    }

    NodeId as(NodeId id, ir::Type type, std::size_t rows) {
        if (graph_.nodes[id].type == type)
            return id;
        if (graph_.nodes[id].type != ir::Type::scalar)
            throw std::logic_error("a vector of n coordinates where a finite vector is read, or the reverse");
        Node node;
        node.kind = Kind::broadcast;
        node.type = type;
        node.rows = rows;
        node.operands = {id};
        return add(std::move(node));
    }
    NodeId as_vector(NodeId id) { return as(id, ir::Type::vector, 0); }
    NodeId zero(ir::Type type, std::size_t rows) { return as(constant(0), type, rows); }

    NodeId expression(ir::ExprId id) {
        const auto known = memo_.find(id);
        if (known != memo_.end())
            return known->second;
        const NodeId result = build(program_.exprs[id]);
        memo_.emplace(id, result);
        return result;
    }

    NodeId build(const ir::Node& e) {
        switch (e.op) {
        case ir::Op::number:
            return constant(e.number);
        case ir::Op::affine:
            return constant(static_cast<double>(value(e.affine)));
        case ir::Op::variable:
            break;
        case ir::Op::input:
        case ir::Op::input_row:
            return input(e);
        case ir::Op::parameter:
            return parameter(e);
        case ir::Op::read:
            return read(e);
        case ir::Op::matmul:
            return matmul(e);
        case ir::Op::moment:
        case ir::Op::gram:
            return dot(e);
        case ir::Op::mean: {
            Node node;
            node.kind = Kind::mean;
            node.operands = {as_vector(expression(e.children[0]))};
            return add(std::move(node));
        }
        case ir::Op::width_power: {
            Node node;
            node.kind = Kind::width_power;
            node.number = static_cast<double>(static_cast<std::int32_t>(e.target));
            return add(std::move(node));
        }
        case ir::Op::apply:
            return apply(e);
        case ir::Op::reduce:
            return reduce(e);
        }
        throw std::logic_error("an expression that has no value in a network");
    }

    NodeId input(const ir::Node& e) {
        const std::vector<std::size_t>& shape = graph_.input_shapes[e.target];
        Index index = indices(e.access.indices);
        Node node;
        node.kind = Kind::input;
        node.target = e.target;
        if (e.op == ir::Op::input_row) {
            node.type = ir::Type::finite;
            node.rows = shape.back();
        }
        resolve::Extent extent;
        for (std::size_t k = 0; k < index.size(); ++k) {
            extent.lower.push_back(1);
            extent.upper.push_back(static_cast<std::int64_t>(shape[k]));
        }
        if (!fold(index, e.access.mode, extent))
            return zero(node.type, node.rows);
        for (std::size_t k = 0; k < index.size(); ++k) {
            if (index[k] < extent.lower[k] || index[k] > extent.upper[k])
                throw std::invalid_argument(missing(program_.inputs[e.target].name, index));
            node.offset = node.offset * shape[k] + static_cast<std::size_t>(index[k] - 1);
        }
        node.offset *= node.rows;
        return add(std::move(node));
    }

    static std::string missing(const std::string& name, const Index& index) {
        return fmt::format("'{}[{}]' does not exist or has not been assigned yet", name, fmt::join(index, ", "));
    }

    std::optional<std::uint32_t> member(const ir::Node& e) {
        Index index = indices(e.access.indices);
        if (!fold(index, e.access.mode, boxes_[e.target]))
            return {};
        const auto found = members_[e.target].find(index);
        if (found == members_[e.target].end())
            throw std::invalid_argument(missing(program_.parameters[e.target].name, index));
        return found->second;
    }

    NodeId parameter(const ir::Node& e) {
        Node node;
        node.kind = Kind::parameter;
        if (program_.parameters[e.target].kind != ir::ParameterKind::scalar) {
            node.type = ir::Type::vector;
            node.rows = 0;
        }
        const auto m = member(e);
        if (!m)
            return zero(node.type, node.rows);
        node.target = *m;
        return add(std::move(node));
    }

    NodeId matmul(const ir::Node& e) {
        const auto m = member(e);
        if (!m)
            return zero(ir::Type::vector, 0);
        Node node;
        node.kind = Kind::matmul;
        node.type = ir::Type::vector;
        node.rows = 0;
        node.target = *m;
        node.transposed = e.transposed;
        const NodeId operand = expression(e.children[0]);
        const Member& matrix = graph_.members[*m];
        const bool finite = matrix.kind == ir::ParameterKind::input_matrix;
        node.operands = {finite ? as(operand, ir::Type::finite, matrix.reads) : as_vector(operand)};
        if (finite && graph_.nodes[node.operands[0]].rows != matrix.reads)
            throw std::invalid_argument(fmt::format("'{}' reads inputs of two sizes", program_.parameters[e.target].name));
        return add(std::move(node));
    }

    NodeId read(const ir::Node& e) {
        const ir::Family& family = program_.families[e.target];
        Index index = indices(e.access.indices);
        if (!fold(index, e.access.mode, extents_[e.target])) {
            // All elements have the rows of any.
            const auto& elements = elements_[e.target];
            return elements.empty() ? constant(0) : zero(family.type, graph_.nodes[elements.begin()->second].rows);
        }
        const auto found = elements_[e.target].find(index);
        if (found == elements_[e.target].end())
            throw std::invalid_argument(missing(family.name, index));
        return found->second;
    }

    NodeId dot(const ir::Node& e) {
        Node node;
        node.kind = Kind::dot;
        node.averaged = e.op == ir::Op::moment;
        NodeId a = expression(e.children[0]), b = expression(e.children[1]);
        if (node.averaged) {
            a = as_vector(a);
            b = as_vector(b);
        } else if (graph_.nodes[a].rows != graph_.nodes[b].rows) {
            throw std::invalid_argument("an inner product of finite vectors of two sizes");
        }
        node.operands = {a, b};
        return add(std::move(node));
    }

    NodeId apply(const ir::Node& e) {
        Node node;
        node.kind = Kind::apply;
        node.function = e.function;
        for (ir::ExprId child : e.children)
            node.operands.push_back(expression(child));
        shape_of_operands(node);
        return add(std::move(node));
    }

    void shape_of_operands(Node& node) const {
        for (NodeId operand : node.operands) {
            const Node& o = graph_.nodes[operand];
            if (o.type == ir::Type::scalar)
                continue;
            if (node.type != ir::Type::scalar && (node.type != o.type || node.rows != o.rows))
                throw std::logic_error("coordinates of two kinds of vectors");
            node.type = o.type;
            node.rows = o.rows;
        }
    }

    NodeId reduce(const ir::Node& e) {
        Node node;
        node.kind = Kind::reduce;
        node.reduction = e.reduction;
        // Inside, the same expression has another value at each turn.
        std::unordered_map<ir::ExprId, NodeId> outside;
        outside.swap(memo_);
        for_all(e.ranges, [&] {
            memo_.clear();
            node.operands.push_back(expression(e.children[0]));
        });
        memo_.swap(outside);
        if (node.operands.empty()) {
            if (e.reduction != ir::Reduction::sum && e.reduction != ir::Reduction::prod)
                throw std::invalid_argument(fmt::format("'{}' over an empty set", ir::name_of(e.reduction)));
            return constant(e.reduction == ir::Reduction::sum ? 0 : 1); // broadcasts
        }
        shape_of_operands(node);
        return add(std::move(node));
    }

    // Statements and outputs

    void execute(const ir::Item& item) {
        if (const auto* loop = std::get_if<ir::Loop>(&item.node))
            return for_all(loop->range, [&] {
                for (const ir::Item& inner : loop->body)
                    execute(inner);
            });
        const ir::Statement& statement = program_.statements[std::get<std::uint32_t>(item.node)];
        for (const ir::Condition& condition : statement.domain.conditions)
            if (!holds(condition))
                return;
        memo_.clear();
        NodeId result = expression(statement.value);
        if (program_.families[statement.family].type == ir::Type::vector)
            result = as_vector(result);
        Index index = indices(statement.indices);
        if (!elements_[statement.family].emplace(index, result).second)
            throw std::invalid_argument(
                fmt::format("'{}[{}]' is assigned twice", program_.families[statement.family].name, fmt::join(index, ", ")));
    }

    void emit(const ir::Output& output) {
        OutputElements result;
        result.name = output.name;
        resolve::Extent box;
        for_all(output.family, [&] {
            memo_.clear();
            result.elements.push_back(expression(output.value));
            Index index;
            for (const ir::Range& range : output.family)
                index.push_back(symbols_.at(range.index));
            include(box, index);
        });
        std::size_t volume = 1;
        for (std::size_t k = 0; k < output.family.size(); ++k) {
            result.shape.push_back(box.lower.empty() ? 0 : static_cast<std::size_t>(box.upper[k] - box.lower[k] + 1));
            volume *= result.shape.back();
        }
        if (volume != result.elements.size())
            result.shape = {result.elements.size()};
        graph_.outputs.push_back(std::move(result));
    }

    const ir::Program& program_;
    ir::Sizes symbols_;
    std::vector<resolve::Extent> extents_; // of families
    std::vector<resolve::Extent> boxes_;   // of parameters
    std::vector<std::unordered_map<Index, std::uint32_t, IndexHash>> members_;
    std::vector<std::unordered_map<Index, NodeId, IndexHash>> elements_;
    std::unordered_map<Index, NodeId, IndexHash> numbering_;
    std::unordered_map<ir::ExprId, NodeId> memo_; // within one instance of a statement
    Graph graph_;
};

} // namespace

Graph unroll(const ir::Program& program, const ir::Sizes& sizes) {
    Graph graph = Unroller(program, sizes).run();
    prune(graph);
    arrange(graph);
    find_readouts(graph);
    return graph;
}

} // namespace tpc::finite
