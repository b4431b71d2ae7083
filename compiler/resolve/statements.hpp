// Assignments, loops, branches and outputs.
#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

// The names that statements assign: without indices in this scope (through `if`s), with indices anywhere below.
struct Targets {
    std::vector<const ast::Assign*> plain;   // first assignment of each name
    std::vector<const ast::Assign*> indexed; // likewise
};
Targets targets(llvm::ArrayRef<ast::Stmt> body);

// Declares the families that a scope owns; their elements are indexed by the loops around, then by the written indices.
void declare_families(Context& context, Scope* scope, const Targets& targets, bool with_indexed);

void statement(Context& context, Scope* scope, const ast::Stmt& statement);
void statements(Context& context, Scope* scope, const std::vector<ast::Stmt>& body);

// target[indices] = value in the current domain.
void assign(Context& context, const Binding& family, llvm::ArrayRef<Affine> indices, Value value, Span span,
            Span target_span);

} // namespace tpc::resolve
