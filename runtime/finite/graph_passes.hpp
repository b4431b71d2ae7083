// What is found out about a network's graph once it stands.
#pragma once

#include "runtime/finite/graph.hpp"

namespace tpc::finite {

// Keeps the nodes and members that an output depends on.
void prune(Graph& graph);
// Fills `levels`.
void arrange(Graph& graph);
// Fills `readout`, greedily, those used last first: in a linear network the readout is taken rather than a bias that it
// meets.
void find_readouts(Graph& graph);

} // namespace tpc::finite
