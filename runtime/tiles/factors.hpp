// Factors of whole sums. What all terms of a sum are multiplied by, as in a layer norm of a residual, is multiplied by once;
// and what the only reader of a sum multiplies it by,
//   y = sum of terms,  z = c y,
// becomes a factor of the sum, which then writes z: y is stored nowhere.
#pragma once

#include "runtime/tiles/program.hpp"

namespace tpc::execute {

struct FactoredPart {
    plan::Part part;
    std::vector<SumFactors> factors; // by operation
};

FactoredPart factor_out(const plan::Part& part);

} // namespace tpc::execute
