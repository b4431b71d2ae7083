// Messages of the language server protocol: JSON behind a header with its length.
#pragma once

#include <nlohmann/json.hpp>

#include <iosfwd>
#include <optional>
#include <string>

namespace tpc::server {

using Json = nlohmann::json;

// The next message; nothing at the end of the stream. A discarded value stands for what is not JSON, or too long, or has a
// header without a length; what is nested deeper than any message of the protocol is left out.
std::optional<Json> read_message(std::istream& in);
void write_message(std::ostream& out, const Json& message);

// file:///a%20b <-> /a b; other schemes stay as they are.
std::string path_of(const std::string& uri);
std::string uri_of(const std::string& path);

} // namespace tpc::server
