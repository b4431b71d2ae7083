// Which arrays can be cut into planes together.
#pragma once

#include "compiler/plan/plan.hpp"

#include <map>
#include <set>

namespace tpc::plan {

// Dimensions of the two families of an array whose difference, right - left, is an offset.
struct OffsetPair {
    std::size_t left = 0, right = 0;
};

// Arrays among which all reads keep the offsets; of each array one pair for each offset.
using PlaneArrays = std::map<std::uint32_t, std::vector<OffsetPair>>;

// Those that hang together with `seed`, without the ones in `taken`; none where a read does not keep the offsets.
PlaneArrays plane_arrays(const Plan& plan, std::uint32_t seed, const std::set<std::uint32_t>& taken);

// Of a read or a target, right - left; nothing where an index has a denominator.
std::optional<Linear> offset(const std::vector<Linear>& left, const std::vector<Linear>& right, const OffsetPair& pair);
// The read may leave a family but not come back at another place.
bool keeps_offsets(const EntryRead& read);
std::size_t left_rank(const Plan& plan, const PairArray& array);
// Where a dimension of (left indices, right indices) stands among the stored ones.
std::optional<std::size_t> kept(const PairArray& array, std::size_t dimension);

} // namespace tpc::plan
