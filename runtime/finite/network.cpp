#include "runtime/finite/network.hpp"

#include <fmt/core.h>

#include <cmath>
#include <stdexcept>

namespace tpc::finite {
namespace {

std::size_t count_samples(const Graph& graph, const Data& data) {
    if (data.size() != graph.input_shapes.size())
        throw std::invalid_argument(fmt::format("{} inputs, {} arrays", graph.input_shapes.size(), data.size()));
    std::size_t samples = data.empty() || data[0].shape.empty() ? 1 : data[0].shape[0];
    if (samples == 0)
        throw std::invalid_argument("no samples");
    for (std::size_t k = 0; k < data.size(); ++k) {
        std::vector<std::size_t> expected{samples};
        std::size_t volume = samples;
        for (std::size_t axis : graph.input_shapes[k]) {
            expected.push_back(axis);
            volume *= axis;
        }
        if (data[k].shape != expected || data[k].values.size() != volume)
            throw std::invalid_argument(fmt::format("array {} does not have the shape of its input", k));
    }
    return samples;
}

Matrix read_input(const Node& node, const Tensor& tensor, std::size_t samples) {
    const std::size_t stride = tensor.values.size() / samples;
    Matrix result(node.rows, samples);
    for (std::size_t s = 0; s < samples; ++s)
        for (std::size_t i = 0; i < node.rows; ++i)
            result(i, s) = tensor.values[s * stride + node.offset + i];
    return result;
}

Arguments arguments_of(const Node& node, const std::vector<Matrix>& values) {
    Arguments result;
    for (NodeId operand : node.operands)
        result.push_back(&values[operand]);
    return result;
}

// W X (or W' X) for several X side by side: one product. `store(k, result)` takes the k-th.
template <class Store>
void multiply(const Matrix& w, bool transposed, const std::vector<const Matrix*>& operands, const Store& store) {
    const Eigen::Index columns = operands.front()->cols();
    Matrix packed(operands.front()->rows(), columns * static_cast<Eigen::Index>(operands.size()));
    for (std::size_t k = 0; k < operands.size(); ++k)
        packed.middleCols(k * columns, columns) = *operands[k];
    Matrix product;
    if (transposed)
        product.noalias() = w.transpose() * packed;
    else
        product.noalias() = w * packed;
    for (std::size_t k = 0; k < operands.size(); ++k)
        store(k, product.middleCols(k * columns, columns));
}

Matrix compute(const Graph& graph, const Node& node, const std::vector<Matrix>& values, const Data& data,
               std::size_t samples, const Draw& draw) {
    const auto n = static_cast<double>(draw.width());
    switch (node.kind) {
    case Kind::constant:
        return Matrix::Constant(1, samples, node.number);
    case Kind::input:
        return read_input(node, data[node.target], samples);
    case Kind::parameter:
        return draw.vector(graph.members[node.target]).replicate(1, samples);
    case Kind::broadcast:
        return values[node.operands[0]].replicate(node.type == ir::Type::vector ? draw.width() : node.rows, 1);
    case Kind::dot: {
        Matrix result = values[node.operands[0]].cwiseProduct(values[node.operands[1]]).colwise().sum();
        return node.averaged ? Matrix(result / n) : result;
    }
    case Kind::mean:
        return values[node.operands[0]].colwise().mean();
    case Kind::width_power:
        return Matrix::Constant(1, samples, std::pow(n, node.number / 2));
    case Kind::apply:
        return apply_function(node.function, arguments_of(node, values));
    case Kind::reduce:
        return apply_reduction(node.reduction, arguments_of(node, values));
    case Kind::matmul:
        break;
    }
    throw std::logic_error("a product outside of its batch");
}

class BackPropagation {
  public:
    BackPropagation(const Graph& graph, const Forward& forward, Draw& draw, Slopes& slopes)
        : graph_(graph), forward_(forward), draw_(draw), slopes_(slopes), adjoints_(graph.nodes.size()) {
        result_.matrices.resize(graph.members.size());
        result_.vectors.resize(graph.members.size());
    }

    Gradients run(NodeId output) {
        adjoints_[output] = Matrix::Ones(1, forward_.samples);
        for (std::size_t l = graph_.nodes[output].level + 1; l-- > 0;) {
            const Level& level = graph_.levels[l];
            for (std::size_t k = level.others.size(); k-- > 0;)
                visit(level.others[k]);
            for (const Batch& batch : level.products)
                visit(batch);
        }
        return std::move(result_);
    }

  private:
    template <class Derived> void accumulate(NodeId id, const Eigen::MatrixBase<Derived>& contribution) {
        const Matrix& value = forward_.values[id];
        Matrix& adjoint = adjoints_[id];
        if (adjoint.size() == 0)
            adjoint = Matrix::Zero(value.rows(), value.cols());
        if (contribution.rows() == value.rows())
            adjoint += contribution;
        else if (value.rows() == 1)
            adjoint += contribution.colwise().sum();
        else
            adjoint.rowwise() += contribution.row(0);
    }

    void visit(NodeId id) {
        if (adjoints_[id].size() == 0)
            return;
        const Matrix adjoint = std::move(adjoints_[id]);
        adjoints_[id].resize(0, 0);
        const Node& node = graph_.nodes[id];
        if (node.kind == Kind::parameter) {
            result_.vectors[node.target] = adjoint;
            return;
        }
        for (std::size_t k = 0; k < node.operands.size(); ++k)
            if (graph_.nodes[node.operands[k]].trained)
                pass(node, id, k, adjoint);
    }

    // Adds the adjoint of operand k, given the node's.
    void pass(const Node& node, NodeId id, std::size_t k, const Matrix& adjoint) {
        const NodeId operand = node.operands[k];
        switch (node.kind) {
        case Kind::broadcast:
            return accumulate(operand, adjoint);
        case Kind::dot: {
            const double factor = node.averaged ? 1 / static_cast<double>(draw_.width()) : 1;
            const Matrix& other = forward_.values[node.operands[1 - k]];
            return accumulate(operand, other * (factor * adjoint.row(0)).asDiagonal());
        }
        case Kind::mean:
            return accumulate(operand, adjoint / static_cast<double>(draw_.width()));
        case Kind::apply:
            return pass_through_function(node, k, adjoint);
        case Kind::reduce: {
            if (node.reduction == ir::Reduction::sum)
                return accumulate(operand, adjoint);
            const Matrix s = slope(node.reduction, arguments_of(node, forward_.values), forward_.values[id], k);
            return accumulate(operand, adjoint.cwiseProduct(s));
        }
        default:
            throw std::logic_error("a value without operands has none to pass to");
        }
    }

    void pass_through_function(const Node& node, std::size_t k, const Matrix& adjoint) {
        const NodeId operand = node.operands[k];
        switch (node.function) {
        case ir::Function::add:
            return accumulate(operand, adjoint);
        case ir::Function::sub:
            return k == 0 ? accumulate(operand, adjoint) : accumulate(operand, -adjoint);
        case ir::Function::neg:
            return accumulate(operand, -adjoint);
        case ir::Function::mul:
            return accumulate(operand,
                              apply_function(ir::Function::mul, {&adjoint, &forward_.values[node.operands[1 - k]]}));
        default: {
            const Matrix s = slopes_(node.function, arguments_of(node, forward_.values), static_cast<unsigned>(k));
            return accumulate(operand, apply_function(ir::Function::mul, {&adjoint, &s}));
        }
        }
    }

    void visit(const Batch& batch) {
        std::vector<NodeId> operands;
        std::vector<const Matrix*> adjoints;
        for (NodeId use : batch.uses) {
            if (adjoints_[use].size() == 0)
                continue;
            if (graph_.nodes[graph_.nodes[use].operands[0]].trained) {
                operands.push_back(graph_.nodes[use].operands[0]);
                adjoints.push_back(&adjoints_[use]);
            }
        }
        const Member& member = graph_.members[batch.member];
        if (!operands.empty())
            multiply(draw_.matrix(member), !batch.transposed, adjoints,
                     [&](std::size_t k, const auto& product) { accumulate(operands[k], product); });
        for (NodeId use : batch.uses) {
            if (adjoints_[use].size() == 0)
                continue;
            if (member.rate != 0)
                result_.matrices[batch.member].push_back({std::move(adjoints_[use]), use});
            adjoints_[use].resize(0, 0);
        }
    }

    const Graph& graph_;
    const Forward& forward_;
    Draw& draw_;
    Slopes& slopes_;
    std::vector<Matrix> adjoints_; // by node; empty: 0
    Gradients result_;
};

} // namespace

Forward forward(const Graph& graph, const Data& data, Draw& draw) {
    Forward result;
    result.samples = count_samples(graph, data);
    result.values.resize(graph.nodes.size());
    for (const Level& level : graph.levels) {
        for (const Batch& batch : level.products) {
            std::vector<const Matrix*> operands;
            for (NodeId use : batch.uses)
                operands.push_back(&result.values[graph.nodes[use].operands[0]]);
            multiply(draw.matrix(graph.members[batch.member]), batch.transposed, operands,
                     [&](std::size_t k, const auto& product) { result.values[batch.uses[k]] = product; });
        }
        for (NodeId id : level.others)
            result.values[id] = compute(graph, graph.nodes[id], result.values, data, result.samples, draw);
    }
    return result;
}

Gradients backward(const Graph& graph, const Forward& forward, NodeId output, Draw& draw, Slopes& slopes) {
    return BackPropagation(graph, forward, draw, slopes).run(output);
}

} // namespace tpc::finite
