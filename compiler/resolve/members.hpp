// Members of families of blocks' instances.
#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

// Binds the indices of the family in `scope`. False, with a report at `place`, where one is seen to name no member: an
// instance without parameters leaves no reads by which the walk through the elements would find it.
bool bind_members(Context& context, Scope* scope, const ast::Use& use, llvm::ArrayRef<Affine> indices, Span place);

} // namespace tpc::resolve
