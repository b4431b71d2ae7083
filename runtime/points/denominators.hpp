// What functions of several Gaussians divide by.
#pragma once

#include "runtime/points/functions.hpp"

namespace tpc::joint {

// Denominators that vary, but for those seen to be positive: numbers that are 0 `together` where a denominator is, as the
// terms of a sum of squares.
struct Denominators {
    Functions functions;
    std::vector<std::vector<std::size_t>> together;
};
Denominators denominators(const Tape& tape, const std::vector<NodeId>& outputs, std::uint32_t gaussians);

} // namespace tpc::joint
