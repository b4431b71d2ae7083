// What a sum over whole arrays contributes in one plane.
#pragma once

#include "compiler/rewrite/partition_arrays.hpp"

namespace tpc::plan {

// Of each pair of the sum's indices one follows from the other, or from the instance, which then is one of `guards`. Offset
// k is slot `first_offset` + k. Nothing where bounds would depend on the instance (too many short sums) or a sum on another.
std::optional<TermOp> in_plane(const Plan& plan, TermOp term, const std::vector<OffsetPair>& pairs,
                               std::uint32_t first_offset, std::vector<Guard>& guards);

// `value` - the slot: zero in the plane at hand.
Linear less_offset(const Linear& value, std::size_t slot);

} // namespace tpc::plan
