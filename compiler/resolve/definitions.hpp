// Functions and blocks, of the program, of imported files and inside blocks: names bound ahead of all statements.
#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

void bind_function(Context& context, Scope* scope, const ast::Function& function);
void bind_block(Context& context, Scope* scope, const ast::Block& block);

// A scope for each imported file, inside the program's: its own names and those that it imports.
void open_modules(Context& context, const std::vector<ast::Module>& modules);

// Binds what the imports among the statements bring in. A name that two different files bring in is an error.
void import_names(Context& context, Scope* scope, const std::vector<ast::Stmt>& statements);

// The functions, blocks and imports that stand in a block.
void bind_definitions(Context& context, Scope* scope, const std::vector<ast::Stmt>& statements);

} // namespace tpc::resolve
