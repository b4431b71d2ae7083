// Blocks: functions that own parameters.
#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

// `use b(values) as r[ranges]` at the top level or in a block: declares the parameters of the instance and binds its name in
// `scope`.
void use(Context& context, Scope* scope, const ast::Use& statement, Span span);

// A call of an instance: its body runs before the statement that is being elaborated; the value is what it returns.
Value call_block(Context& context, Scope* scope, const Binding& binding, const std::string& name,
                 llvm::ArrayRef<Affine> indices, const ast::Expr& call);

// The errors of a block that nothing calls, whatever its arguments are; emits what a call emits.
void check_uncalled(Context& context, const ast::Block& block);

} // namespace tpc::resolve
