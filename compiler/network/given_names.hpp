// What the names stand for that the compiler gave to preactivations and operands.
#pragma once

#include "compiler/network/network.hpp"

#include <string_view>

namespace tpc::network {

// The definitions, as in the stage `ir`, of the given names that `text` mentions (there may be a `_` behind them) and of
// those that these are made of; in the program's order, one a line.
std::string given_names(const Network& network, std::string_view text);

} // namespace tpc::network
