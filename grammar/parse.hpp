// Text to syntax tree: all that leaves this folder besides ast.hpp and print.hpp.
#pragma once

#include "compiler/source/diagnostic.hpp"
#include "grammar/ast.hpp"

#include <optional>

namespace tpc::grammar {

// Parses files.files[file]. On syntax errors reports them (as many as can be found) and returns nothing.
std::optional<ast::Tree> parse(const source::Files& files, std::uint32_t file, source::Diagnostics& diagnostics);

// The same, but where statements can be told apart the sound ones are returned all the same, in a broken tree.
std::optional<ast::Tree> parse_sound(const source::Files& files, std::uint32_t file, source::Diagnostics& diagnostics);

} // namespace tpc::grammar
