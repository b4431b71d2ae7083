// How far reads go beyond families and arrays under `zero`, so that what they meet there can be stored as zeros.
#pragma once

#include "runtime/execute/tile_side.hpp"

#include <map>

namespace tpc::execute {

struct Halo {
    TileBoxes left, right;
    std::vector<plan::Box> arrays; // of the kept dimensions
};

Halo halo_of(const plan::Plan& plan);

// What indices can be, by slot.
struct Interval {
    std::int64_t lower = 0, upper = 0;
};
using Intervals = std::map<std::uint32_t, Interval>;
Intervals loops_of(const plan::Part& part);
void add(const plan::LoopRange& range, Intervals& slots);
Interval range_of(const plan::Linear& linear, const Intervals& slots);

} // namespace tpc::execute
