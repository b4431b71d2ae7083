// What is sound of a file with syntax errors.
#pragma once

#include "compiler/source/diagnostic.hpp"
#include "grammar/ast.hpp"
#include "grammar/text.hpp"

namespace tpc::grammar {

// Takes out of the tree the statements that hold an error or were skipped, and collects in `tree.unclear` the names that
// they may have given: of what looks like an assignment those that it assigns, else all names in it. Of a loop or a branch
// with an error in its head the body stays.
void keep_sound(ast::Tree& tree, std::uint32_t file, const Text& text, const std::vector<source::Span>& skipped,
                const source::Diagnostics& found);

} // namespace tpc::grammar
