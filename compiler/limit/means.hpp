// Which vectors may have a mean, and a network without the terms that vanish.
#pragma once

#include "compiler/network/network.hpp"

namespace tpc::limit {

// b[..] with mean m is a centred vector plus m times the constant vector: both are terms of their own afterwards.
void expand_parameter_means(network::Network& network);

// By family.
std::vector<bool> families_with_means(network::Network& network);

// avg(x) of a centred x is 0 (h - avg(h) of a layer norm).
void drop_zero_means(network::Network& network, const std::vector<bool>& may_have_mean);

} // namespace tpc::limit
