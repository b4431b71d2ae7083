// Where the entries of an output stand.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// The indices of an output's family: the box around them, and which places of it, row-major, they are (a family such as
// f[t in 1..T, s in 1..t] has gaps).
struct OutputIndices {
    Box box;
    std::vector<std::size_t> places;
};
// By output, at these sizes.
std::vector<OutputIndices> output_indices(const network::Network& network, const ir::Sizes& sizes);

} // namespace tpc::plan
