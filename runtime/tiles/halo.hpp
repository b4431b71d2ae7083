// How far reads go beyond families and arrays under `zero`, so that what they meet there can be stored as zeros.
#pragma once

#include "runtime/tiles/side.hpp"

namespace tpc::execute {

struct Halo {
    TileBoxes left, right;
    std::vector<plan::Box> arrays; // of the kept dimensions
};

Halo halo_of(const plan::Plan& plan, const plan::Part& part);

} // namespace tpc::execute
