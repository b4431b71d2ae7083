#include "tests/finite/agreement.hpp"

namespace tpc::tests {
namespace {

bool within(const finite::Deviation& deviation, std::size_t width) {
    return deviation.of_mean <= 4 * deviation.noise + 10 / static_cast<double>(width);
}

} // namespace

Agreement agreement(const ir::Program& program, const finite::SampleSet& left, const finite::SampleSet* right,
                    const finite::Kernels& limit) {
    Agreement result;
    finite::SimulateOptions options;
    options.seeds = 16;
    const finite::Graph graph = finite::unroll(program, left.sizes);
    const finite::Graph other = right != nullptr ? finite::unroll(program, right->sizes) : finite::Graph{};
    const auto kernels = [&](std::size_t width, std::uint64_t seed) {
        finite::Draw draw(width, seed);
        return right != nullptr ? finite::empirical_kernels(graph, left.data, other, right->data, draw)
                                : finite::empirical_kernels(graph, left.data, draw);
    };
    for (std::size_t width : {256, 1024}) {
        options.widths = {width};
        options.seed += 1000;
        const finite::Table table = finite::simulate(kernels, limit, options);
        const finite::Row& row = table.rows.front();
        result.holds = (!table.has_nngp || within(row.nngp, width)) && (!table.has_ntk || within(row.ntk, width));
        result.table = finite::print(table);
        if (result.holds)
            break;
    }
    return result;
}

} // namespace tpc::tests
