// A file with all that it imports.
#pragma once

#include "compiler/source/diagnostic.hpp"
#include "grammar/ast.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tpc::grammar {

// How imported files are found and read.
struct Loading {
    // Folders where a path is looked for that is not found beside the importing file.
    std::vector<std::string> libraries;
    // The text of a file, or throws std::exception with a reason; an editor may give what it shows instead.
    std::function<std::string(const std::string& path)> read = {};
};

// Text is kept whole, and larger files (or devices without an end) are no programs.
inline constexpr std::size_t largest_file = std::size_t{64} << 20;

// The text of a file. Throws std::system_error.
std::string read_file(const std::string& path);

// Parses files.files[0], which is there, and what it imports, which is appended to `files`. Paths are relative to the
// importing file; a file is read once, whatever the paths that lead to it. Where statements of the first file have syntax
// errors or an import fails the tree is broken or incomplete, and resolve looks for further errors in what there is; nothing
// is returned when not even the statements can be told apart.
std::optional<ast::Tree> load(source::Files& files, const Loading& loading, source::Diagnostics& diagnostics);

} // namespace tpc::grammar
