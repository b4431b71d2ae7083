// Values of the functions beyond the exponents of double precision, where erfc(30) is not 0.
#pragma once

#include "compiler/ir/expression.hpp"

namespace tpc::ir {

long double evaluate_extended(Function function, llvm::ArrayRef<long double> arguments);

} // namespace tpc::ir
