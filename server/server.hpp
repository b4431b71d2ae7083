// The language server: diagnostics as one types, hover, definition, completion.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace tpc::server {

// Serves until `exit` or the end of the input; the exit code that the protocol asks for.
int serve(std::istream& in, std::ostream& out, const std::vector<std::string>& libraries, const std::string& version);

} // namespace tpc::server
