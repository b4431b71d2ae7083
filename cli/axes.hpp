// Sizes of axes from the shapes of arrays.
#pragma once

#include "compiler/ir/program.hpp"

#include <map>
#include <string>
#include <vector>

namespace tpc::cli {

// A shape that the data have, for an axis as the program declares it.
struct AxisSize {
    ir::Affine declared;
    std::int64_t size = 0;
    std::string place; // "axis 2 of X.npy"
};

// The sizes of all axes, by substitution: an expression with one unknown axis gives it. Starts from program.sizes (-D).
// Throws Failure when they disagree, have no solution or leave an axis open.
ir::Sizes solve_axes(const ir::Program& program, const std::vector<AxisSize>& shapes);

} // namespace tpc::cli
