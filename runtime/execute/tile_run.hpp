// All pairs of two sample sets, tile by tile.
#pragma once

#include "runtime/execute/results.hpp"
#include "runtime/execute/tile_program.hpp"
#include "runtime/execute/window.hpp"

namespace tpc::execute {

// C and T forward (fits_tiles). Tiles are independent: the kernels do not depend on the number of threads.
template <class Real>
void run_tiles(const TileProgram<Real>& program, const Window& window, const EqualSamples& equal, const Options& options,
               Results& results);

} // namespace tpc::execute
