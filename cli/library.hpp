// Where the library that ships with the command is.
#pragma once

#include <string>
#include <vector>

namespace tpc::cli {

// The folders where `import` looks after the importing file's own: that of the library, which is found from the command's
// own place.
std::vector<std::string> library_folders();

} // namespace tpc::cli
