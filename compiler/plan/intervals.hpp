// What indices can be.
#pragma once

#include "compiler/plan/plan.hpp"

#include <map>

namespace tpc::plan {

struct Interval {
    std::int64_t lower = 0, upper = 0;
};
using Intervals = std::map<std::uint32_t, Interval>; // by slot

// Of all loops of a part.
Intervals loops_of(const Part& part);
// A further loop over a slot: either of them may set it.
void add(const LoopRange& range, Intervals& slots);
// A sum over a slot, which it alone sets.
void set(const LoopRange& range, Intervals& slots);
Interval range_of(const Linear& linear, const Intervals& slots);

} // namespace tpc::plan
