// `tpc show --format dot`: stages as graphs, in the language of Graphviz.
#pragma once

#include "compiler/diff/backward.hpp"
#include "compiler/ir/program.hpp"
#include "compiler/limit/recursion.hpp"

#include <string>

namespace tpc::emit {

// What reads what: a box for each input, family and output with its equations, an arrow for each read, with the matrix and
// the indices that it is read with. Reads of one index at the other's place have none.
std::string dot(const ir::Program& program);

// The gradients and the vectors that they start from.
std::string dot(const diff::Backward& backward);

// A box for each covariance C(x, y_) between two families across the samples, and below, within one sample; an arrow for
// each read, with the matrix or the functions that it passes. The tangent kernel follows the same arrows across the samples.
std::string dot(const limit::Recursions& recursions);

} // namespace tpc::emit
