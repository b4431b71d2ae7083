#include "runtime/finite/kernels.hpp"

#include <cmath>
#include <map>
#include <stdexcept>

namespace tpc::finite {
namespace {

// One set of samples after its forward and backward passes.
struct Side {
    const Graph* graph = nullptr;
    Forward run;
    std::vector<std::vector<Gradients>> gradients; // by output and element
};

Side evaluate(const Graph& graph, const Data& data, Draw& draw, Slopes& slopes) {
    Side side{&graph, forward(graph, data, draw), {}};
    for (const OutputElements& output : graph.outputs) {
        auto& of_output = side.gradients.emplace_back();
        for (NodeId element : output.elements)
            of_output.push_back(backward(graph, side.run, element, draw, slopes));
    }
    return side;
}

constexpr std::uint32_t absent = ~std::uint32_t{0};

// Members of `left` with the same one in `right`, or `absent`.
std::vector<std::uint32_t> match(const Graph& left, const Graph& right) {
    std::map<std::pair<std::uint32_t, std::vector<std::int64_t>>, std::uint32_t> names;
    for (std::uint32_t m = 0; m < right.members.size(); ++m)
        names.emplace(std::pair(right.members[m].parameter, right.members[m].indices), m);
    std::vector<std::uint32_t> result;
    for (const Member& member : left.members) {
        const auto found = names.find(std::pair(member.parameter, member.indices));
        result.push_back(found == names.end() ? absent : found->second);
    }
    return result;
}

// The uses of one matrix side by side: its gradient is left * right'.
struct Factors {
    Matrix left, right;
};

Factors factors(const Side& side, const std::vector<Gradients::Factor>& uses) {
    const Graph& graph = *side.graph;
    const auto samples = static_cast<Eigen::Index>(side.run.samples);
    const auto columns = samples * static_cast<Eigen::Index>(uses.size());
    Factors result;
    for (std::size_t k = 0; k < uses.size(); ++k) {
        const Node& node = graph.nodes[uses[k].use];
        const Matrix* left = &uses[k].adjoint;
        const Matrix* right = &side.run.values[node.operands[0]];
        if (node.transposed)
            std::swap(left, right);
        if (k == 0) {
            result.left.resize(left->rows(), columns);
            result.right.resize(right->rows(), columns);
        }
        result.left.middleCols(k * samples, samples) = *left;
        result.right.middleCols(k * samples, samples) = *right;
    }
    return result;
}

// <dW(s), dW_(s')> = sum over pairs of uses of (left' left_)(right' right_).
Matrix inner_products(const Factors& a, std::size_t samples_a, const Factors& b, std::size_t samples_b) {
    const Matrix products = (a.left.transpose() * b.left).cwiseProduct(a.right.transpose() * b.right);
    Matrix result = Matrix::Zero(samples_a, samples_b);
    for (Eigen::Index j = 0; j < products.cols(); j += static_cast<Eigen::Index>(samples_b))
        for (Eigen::Index i = 0; i < products.rows(); i += static_cast<Eigen::Index>(samples_a))
            result += products.block(i, j, samples_a, samples_b);
    return result;
}

// f with every chosen member at its mean: f - sum <d f / d v, v - mean>.
Matrix conditional_mean(const Side& side, NodeId element, const Gradients& gradients, const std::vector<bool>& chosen,
                        const Draw& draw) {
    Matrix result = side.run.values[element];
    for (std::size_t m = 0; m < chosen.size(); ++m) {
        if (!chosen[m] || gradients.vectors[m].size() == 0)
            continue;
        const Member& member = side.graph->members[m];
        const Eigen::VectorXd noise = draw.vector(member).array() - member.mean;
        result -= noise.transpose() * gradients.vectors[m];
    }
    return result;
}

struct Pair {
    Matrix nngp, ntk;
};

struct Comparison {
    const Side& left;
    const Side& right;
    std::vector<std::uint32_t> partner; // by member of left
    std::vector<bool> left_readout, right_readout;
    const Draw& draw;
    // Packed factors, by output element and member; filled on demand.
    std::map<std::pair<const Gradients*, std::uint32_t>, Factors> packed;

    const Factors& pack(const Side& side, const Gradients& gradients, std::uint32_t member) {
        const auto [found, fresh] = packed.try_emplace(std::pair(&gradients, member));
        if (fresh)
            found->second = factors(side, gradients.matrices[member]);
        return found->second;
    }

    Pair compare(NodeId element, const Gradients& a, NodeId element_, const Gradients& b) {
        const std::size_t s = left.run.samples, s_ = right.run.samples;
        Pair result{conditional_mean(left, element, a, left_readout, draw).transpose() *
                        conditional_mean(right, element_, b, right_readout, draw),
                    Matrix::Zero(s, s_)};
        for (std::uint32_t m = 0; m < partner.size(); ++m) {
            const std::uint32_t m_ = partner[m];
            if (m_ == absent)
                continue;
            const Member& member = left.graph->members[m];
            if (member.rate != right.graph->members[m_].rate || member.scale != right.graph->members[m_].scale)
                throw std::invalid_argument("a variance or rate that differs between the two sets of samples");
            if (member.kind == ir::ParameterKind::matrix || member.kind == ir::ParameterKind::input_matrix) {
                if (a.matrices[m].empty() || b.matrices[m_].empty())
                    continue;
                const auto reads =
                    static_cast<double>(member.kind == ir::ParameterKind::matrix ? draw.width() : member.reads);
                result.ntk += member.rate / reads * inner_products(pack(left, a, m), s, pack(right, b, m_), s_);
                continue;
            }
            if (a.vectors[m].size() == 0 || b.vectors[m_].size() == 0)
                continue;
            const Matrix products = a.vectors[m].transpose() * b.vectors[m_];
            result.ntk += member.rate * products;
            if (left_readout[m])
                result.nngp += member.scale * products;
        }
        return result;
    }
};

// Members that are readouts wherever they are used.
void agree_on_readouts(Comparison& c) {
    c.left_readout = c.left.graph->readout;
    c.right_readout = c.right.graph->readout;
    for (std::size_t m = 0; m < c.partner.size(); ++m) {
        if (c.partner[m] == absent)
            continue;
        const bool both = c.left_readout[m] && c.right_readout[c.partner[m]];
        c.left_readout[m] = both;
        c.right_readout[c.partner[m]] = both;
    }
}

Kernels compare(const Side& left, const Side& right, const Draw& draw) {
    Comparison comparison{left, right, match(*left.graph, *right.graph), {}, {}, draw, {}};
    agree_on_readouts(comparison);
    const bool symmetric = &left == &right;
    const std::size_t s = left.run.samples, s_ = right.run.samples;
    Kernels result;
    for (std::size_t o = 0; o < left.graph->outputs.size(); ++o) {
        const OutputElements& output = left.graph->outputs[o];
        const OutputElements& output_ = right.graph->outputs[o];
        const std::size_t count = output.elements.size(), count_ = output_.elements.size();
        OutputKernels kernels;
        kernels.name = output.name;
        kernels.ntk.shape = {s};
        kernels.ntk.shape.insert(kernels.ntk.shape.end(), output.shape.begin(), output.shape.end());
        kernels.ntk.shape.push_back(s_);
        kernels.ntk.shape.insert(kernels.ntk.shape.end(), output_.shape.begin(), output_.shape.end());
        kernels.ntk.values.resize(s * count * s_ * count_);
        kernels.nngp = kernels.ntk;
        const auto place = [&](std::size_t a, std::size_t i, std::size_t b, std::size_t j) {
            return ((a * count + i) * s_ + b) * count_ + j;
        };
        for (std::size_t i = 0; i < count; ++i)
            for (std::size_t j = symmetric ? i : 0; j < count_; ++j) {
                const Pair pair =
                    comparison.compare(output.elements[i], left.gradients[o][i], output_.elements[j], right.gradients[o][j]);
                for (std::size_t a = 0; a < s; ++a)
                    for (std::size_t b = 0; b < s_; ++b) {
                        kernels.nngp.values[place(a, i, b, j)] = pair.nngp(a, b);
                        kernels.ntk.values[place(a, i, b, j)] = pair.ntk(a, b);
                        if (symmetric) {
                            kernels.nngp.values[place(b, j, a, i)] = pair.nngp(a, b);
                            kernels.ntk.values[place(b, j, a, i)] = pair.ntk(a, b);
                        }
                    }
            }
        result.push_back(std::move(kernels));
    }
    return result;
}

} // namespace

Kernels empirical_kernels(const Graph& graph, const Data& data, Draw& draw) {
    Slopes slopes;
    const Side side = evaluate(graph, data, draw, slopes);
    return compare(side, side, draw);
}

Kernels empirical_kernels(const Graph& left, const Data& left_data, const Graph& right, const Data& right_data, Draw& draw) {
    Slopes slopes;
    const Side a = evaluate(left, left_data, draw, slopes);
    const Side b = evaluate(right, right_data, draw, slopes);
    return compare(a, b, draw);
}

std::vector<Kernels> empirical_kernels(const std::vector<Graph>& graphs, const std::vector<const Data*>& data, Draw& draw) {
    Slopes slopes;
    std::vector<Side> sides;
    for (std::size_t k = 0; k < graphs.size(); ++k)
        sides.push_back(evaluate(graphs[k], *data[k], draw, slopes));
    std::vector<Kernels> pairs;
    for (std::size_t k = 0; k < sides.size(); ++k)
        for (std::size_t l = k; l < sides.size(); ++l)
            pairs.push_back(compare(sides[k], sides[l], draw));
    return pairs;
}

Kernels empirical_kernels(const ir::Program& program, const SampleSet& set, std::size_t width, std::uint64_t seed) {
    Draw draw(width, seed);
    return empirical_kernels(unroll(program, set.sizes), set.data, draw);
}

Kernels empirical_kernels(const ir::Program& program, const SampleSet& left, const SampleSet& right, std::size_t width,
                          std::uint64_t seed) {
    Draw draw(width, seed);
    return empirical_kernels(unroll(program, left.sizes), left.data, unroll(program, right.sizes), right.data, draw);
}

} // namespace tpc::finite
