// Gauss's rules for the standard normal weight.
#pragma once

#include <cstddef>
#include <vector>

namespace tpc::gaussian {

struct HermiteNodes {
    std::vector<double> nodes, weights; // E[f(z)] = sum of weight * f(node), exact for degrees below 2 count
};

// Made once and kept; thread-safe. count at most 128.
const HermiteNodes& hermite_nodes(std::size_t count);

} // namespace tpc::gaussian
