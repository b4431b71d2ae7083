// Samples of different sizes at one network.
#pragma once

#include "cli/data.hpp"

#include <vector>

namespace tpc::cli {

// What matrices read, and the law and rate of each common member of a family, must be equal at all sizes. Throws Failure.
void require_agreement(const ir::Program& program, const std::vector<const Samples*>& groups);

} // namespace tpc::cli
