#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

// Warns of values and parameters that no output depends on.
void warn_unused(Context& context);

} // namespace tpc::resolve
