// The value of a reduction over numbers.
#pragma once

#include "compiler/ir/expression.hpp"

namespace tpc::ir {

// Over no terms `sum` is 0 and `prod` 1; the others, which a valid program does not ask for, are NaN.
double reduced(Reduction reduction, llvm::ArrayRef<double> terms);

} // namespace tpc::ir
