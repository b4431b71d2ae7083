// What the network is, at given sizes: how deep, and which parameters serve in several places.
#pragma once

#include "compiler/ir/program.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tpc::check {

// One place of the source that uses a parameter.
struct UsePlace {
    source::Span span;
    std::uint64_t times = 0; // instances of loops and sums that come here
};

struct ParameterUses {
    std::uint64_t most = 0; // uses of one member
    std::vector<UsePlace> places;
};

struct Summary {
    std::uint64_t depth = 0;               // the most matrix products in a row from the data to an output
    std::vector<ParameterUses> parameters; // by parameter
};

// Nothing where the walk would take more than `budget` turns, or an element is missing.
std::optional<Summary> summarize(const ir::Program& program, const ir::Sizes& sizes, std::uint64_t budget);

} // namespace tpc::check
