#include "compiler/resolve/elements_walk.hpp"

#include <algorithm>
#include <limits>

namespace tpc::resolve {

namespace {

// How little a choice of sizes suits: errors that another choice may avoid weigh more than warnings.
struct Faults {
    int worst = 0;
    bool order = false; // an element is read before it is assigned
};

Faults faults_of(const ir::Program& program, const ir::Sizes& sizes) {
    constexpr std::uint64_t budget = 3'000'000;
    source::Diagnostics diagnostics;
    elements::verify(program, sizes, diagnostics, budget);
    Faults faults;
    for (const source::Diagnostic& diagnostic : diagnostics.list) {
        int weight = 2;
        if (source::severity_of(diagnostic.id) == source::Severity::warning)
            weight = 1;
        else if (diagnostic.id == source::Id::not_an_integer || diagnostic.id == source::Id::bad_axis_size)
            weight = 3;
        else if (diagnostic.id == source::Id::too_large)
            weight = 4;
        faults.worst = std::max(faults.worst, weight);
        faults.order |= diagnostic.id == source::Id::element_unassigned;
    }
    return faults;
}

} // namespace

// One size for all axes: the smallest that suits, from 4 on, with divisors and constant indices in mind. A loop of one or
// two turns hides that its turns are in the wrong order: so few only suit where more showed no such error.
ir::Sizes small_sizes(const ir::Program& program) {
    constexpr std::int64_t candidates[] = {4, 3, 5, 6, 7, 8, 9, 10, 12, 15, 16, 2, 1, 24, 32};
    std::vector<ir::Symbol> axes; // without a size yet
    for (std::uint32_t k = 0; k < program.symbols.size(); ++k)
        if (const auto symbol = static_cast<ir::Symbol>(k); program.symbols[k].axis && !program.sizes.contains(symbol))
            axes.push_back(symbol);
    if (axes.empty())
        return program.sizes;
    ir::Sizes best;
    int least = std::numeric_limits<int>::max();
    bool order = false;
    for (const std::int64_t size : candidates) {
        if (order && size < 3)
            continue;
        ir::Sizes sizes = program.sizes;
        for (const ir::Symbol axis : axes)
            sizes.emplace(axis, size);
        const Faults found = faults_of(program, sizes);
        order |= found.order;
        if (found.worst < least) {
            least = found.worst;
            best = std::move(sizes);
        }
        if (least == 0)
            break;
    }
    return best;
}

} // namespace tpc::resolve
