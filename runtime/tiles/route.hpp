// Where an operation of a tile reads and writes: its indices as offsets, and the slots along which it can run as a row.
#pragma once

#include "runtime/tiles/fold.hpp"
#include "runtime/tiles/halo.hpp"
#include "runtime/tiles/program.hpp"

namespace tpc::execute {

// By operation of the part; `signs` is left to the dual kernels.
std::vector<TileOp> routes_of(const plan::Plan& plan, const plan::Part& part, const std::vector<SumFactors>& factors,
                              const Halo& halo, const std::vector<Fold>& folds);

// Slots along which an operation cannot run as one row: their value changes more than addresses. Its own guards are looked
// at when it runs.
std::vector<std::uint32_t> slots_alone(const limit::Recursions& recursions, const plan::PairOp& op);

} // namespace tpc::execute
