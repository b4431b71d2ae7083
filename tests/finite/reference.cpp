#include "tests/finite/reference.hpp"

#include "tests/finite/reference_recursion.hpp"

#include <algorithm>

namespace tpc::tests {
namespace reference {

void Recursion::add(const Graph& graph, const finite::Data& data) {
    std::vector<std::size_t> known;
    for (const finite::Member& member : graph.members) {
        const auto same = [&](const finite::Member& m) {
            return m.parameter == member.parameter && m.indices == member.indices;
        };
        known.push_back(static_cast<std::size_t>(std::ranges::find_if(members_, same) - members_.begin()));
        if (known.back() == members_.size())
            members_.push_back(member);
    }
    for (std::size_t row = 0; row < data.at(0).shape.at(0); ++row)
        samples_.push_back({&graph, &data, row, known});
}

Recursion::Entry Recursion::kernel(std::size_t s, NodeId f, std::size_t r, NodeId g) {
    const Scalar &left = scalar(s, f), &right = scalar(r, g);
    Entry entry;
    entry.nngp = mean(left) * mean(right);
    for (const OutputPart& a : parts(left))
        for (const OutputPart& b : parts(right)) {
            if (a.member != b.member)
                continue;
            const finite::Member& member = members_[a.member];
            const double weight = a.coefficient * b.coefficient;
            const double c = a.vector ? second_moment(*a.vector, *b.vector) : 1;
            entry.nngp += weight * member.scale * c;
            entry.ntk += weight * member.rate * c;
            if (a.vector)
                entry.ntk += weight * member.scale * tangent(*a.vector, *b.vector);
        }
    return entry;
}

} // namespace reference

finite::Kernels reference_limit(const ir::Program& program, const finite::SampleSet& left, const finite::SampleSet* right) {
    const finite::SampleSet& other = right != nullptr ? *right : left;
    const finite::Graph graph = finite::unroll(program, left.sizes), second = finite::unroll(program, other.sizes);
    reference::Recursion recursion;
    recursion.add(graph, left.data);
    if (right != nullptr)
        recursion.add(second, right->data);
    const std::size_t rows = left.data.at(0).shape.at(0), columns = other.data.at(0).shape.at(0);
    const std::size_t from = right != nullptr ? rows : 0;
    finite::Kernels kernels;
    for (std::size_t o = 0; o < graph.outputs.size(); ++o) {
        finite::Tensor nngp;
        nngp.shape = {rows};
        nngp.shape.insert(nngp.shape.end(), graph.outputs[o].shape.begin(), graph.outputs[o].shape.end());
        nngp.shape.push_back(columns);
        nngp.shape.insert(nngp.shape.end(), second.outputs[o].shape.begin(), second.outputs[o].shape.end());
        finite::Tensor ntk{nngp.shape, {}};
        for (std::size_t s = 0; s < rows; ++s)
            for (const finite::NodeId f : graph.outputs[o].elements)
                for (std::size_t r = 0; r < columns; ++r)
                    for (const finite::NodeId g : second.outputs[o].elements) {
                        const auto entry = recursion.kernel(s, f, from + r, g);
                        nngp.values.push_back(entry.nngp);
                        ntk.values.push_back(entry.ntk);
                    }
        kernels.push_back({graph.outputs[o].name, nngp, ntk});
    }
    return kernels;
}

} // namespace tpc::tests
