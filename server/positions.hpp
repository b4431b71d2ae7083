// Places in a text as the protocol counts them: lines and UTF-16 code units, from 0.
#pragma once

#include "server/protocol.hpp"

#include <string>
#include <string_view>

namespace tpc::server {

// The byte at a position; positions beyond a line's end mean its end, beyond the text its end.
std::size_t offset_of(std::string_view text, const Json& position);
Json position_of(std::string_view text, std::size_t offset);
Json range_of(std::string_view text, std::size_t begin, std::size_t end);

// Applies one entry of didChange's contentChanges: a range replaced, or the whole text.
void apply_change(std::string& text, const Json& change);

} // namespace tpc::server
