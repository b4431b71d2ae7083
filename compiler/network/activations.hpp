// Activations of elements that several turns read.
#pragma once

#include "compiler/ir/program.hpp"

namespace tpc::network {

// sum(a in -1..1: K[a] @ relu(x[i+a | zero])) applies relu to one element as often as turns of i and a read it. Where there
// are more indices around an activation than its argument has, it becomes a family over the elements themselves,
// r[i] = relu(x[i]), defined where they are, and is read in its place: sum(a in -1..1: K[a] @ r[i+a | zero]). What reads 0
// outside of the family must be 0 at 0.
void share_activations(ir::Program& program);

} // namespace tpc::network
