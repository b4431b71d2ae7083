#include "tests/finite/agreement.hpp"

namespace tpc::tests {
namespace {

bool within(const finite::Deviation& deviation, std::size_t width) {
    return deviation.of_mean <= 4 * deviation.noise + 10 / static_cast<double>(width);
}

} // namespace

Agreement agreement(const ir::Program& program, const finite::SampleSet& set, const finite::Kernels& limit) {
    Agreement result;
    finite::SimulateOptions options;
    options.seeds = 16;
    for (std::size_t width : {256, 1024}) {
        options.widths = {width};
        options.seed += 1000;
        const finite::Table table = finite::simulate(program, set, limit, options);
        const finite::Row& row = table.rows.front();
        result.holds = (!table.has_nngp || within(row.nngp, width)) && (!table.has_ntk || within(row.ntk, width));
        result.table = finite::print(table);
        if (result.holds)
            break;
    }
    return result;
}

} // namespace tpc::tests
