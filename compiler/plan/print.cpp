#include "compiler/plan/plan.hpp"

namespace tpc::plan {
std::string print(const Plan& plan) { return std::to_string(plan.cross.ops.size()); }
} // namespace tpc::plan
