// Outputs as linear combinations of readouts, scalar parameters and constants (language.md section 7, rule 1).
#pragma once

#include "compiler/check/gia.hpp"

#include <vector>

namespace tpc::check {

// The terms of every output; an output with a reason against it gets the terms that could be found, and its reason is
// reported. Appends the coefficients to program.exprs. Families that stand for output expressions are substituted; those
// that are defined by recursion get families of weights (weights.hpp).
std::vector<std::vector<OutputTerm>> decompose(ir::Program& program, source::Diagnostics& diagnostics);

} // namespace tpc::check
