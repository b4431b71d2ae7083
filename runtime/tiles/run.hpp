// All pairs of two sample sets, tile by tile.
#pragma once

#include "runtime/samples/results.hpp"
#include "runtime/samples/window.hpp"
#include "runtime/tiles/program.hpp"

namespace tpc::execute {

// C and T forward (fits_tiles). Tiles are independent: the kernels do not depend on the number of threads.
template <class Real>
void run_tiles(const TileProgram<Real>& program, const Window& window, const EqualSamples& equal, const Options& options,
               Results& results);

} // namespace tpc::execute
