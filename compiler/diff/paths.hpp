// All ways from a value down to the vectors that it reads, with what a gradient meets on each.
#pragma once

#include "compiler/diff/backward.hpp"

#include <vector>

namespace tpc::diff {

// One way from a value to a vector that it reads.
struct Path {
    std::vector<ir::Range> sums;
    std::uint32_t family = 0;
    ir::Access read;
    std::vector<Step> steps;
};

// The ways from `value` go on from `start` (the steps and sums before it). Adds expressions, and indices, to the program.
std::vector<Path> paths_from(ir::Program& program, ir::ExprId value, Path start = {});

// What multiplying by `scalar` adds to a path.
void push_scale(ir::Program& program, Path& path, ir::ExprId scalar);

} // namespace tpc::diff
