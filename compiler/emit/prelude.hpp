// What emitted files need of the theory: text in C++, in pieces.
#pragma once

#include <set>
#include <string>

namespace tpc::emit {

// The text of these pieces and of all that they need, in order.
std::string prelude(const std::set<std::string>& pieces);

// Definitions of these functions (relu, sigmoid ...), in a namespace `elementary`.
std::string elementary(const std::set<std::string>& functions);

} // namespace tpc::emit
