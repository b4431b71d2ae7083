// What the grammar lets through but the language does not: comparisons out of place, and statements where they may
// not stand.
#pragma once

#include "compiler/source/diagnostic.hpp"
#include "grammar/ast.hpp"

namespace tpc::grammar {

void validate(const ast::Tree& tree, source::Diagnostics& diagnostics);

} // namespace tpc::grammar
