#include "compiler/bind/sizes.hpp"

#include <algorithm>

namespace tpc::plan {

using namespace ir;
using limit::Recursions;

std::vector<Unit> units_of(const Recursions& recursions) {
    std::vector<Unit> units;
    const Program& program = recursions.network.program;
    for (std::size_t k = 0; k < program.statements.size(); ++k) {
        const Statement& statement = program.statements[k];
        units.push_back(
            {statement.domain.ranges, statement.domain.conditions, statement.indices, &recursions.network.forms[k].terms});
    }
    for (const network::OutputForm& output : recursions.network.outputs) {
        Unit unit{output.family, {}, {}, &output.terms};
        for (const Range& range : output.family)
            unit.indices.push_back(Affine::of(range.index));
        units.push_back(unit);
    }
    return units;
}

Box box_of(const resolve::Extent& extent) {
    Box box;
    for (std::size_t d = 0; d < extent.lower.size(); ++d) {
        box.lower.push_back(extent.lower[d]);
        box.size.push_back(std::max<std::int64_t>(0, extent.upper[d] - extent.lower[d] + 1));
    }
    return box;
}

} // namespace tpc::plan
