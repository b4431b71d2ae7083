// The print of the stage `ast`.
#pragma once

#include "grammar/ast.hpp"

#include <string>

namespace tpc::grammar {

// An indented, deterministic dump of the tree (`tpc show --stage ast`).
std::string print(const ast::Tree& tree);

// One expression as it would be written in a program.
std::string print(const ast::Expr& expr);

} // namespace tpc::grammar
