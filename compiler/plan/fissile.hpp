// Which innermost loops may run one statement after the other, each over all iterations.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// Sets WalkItem::fissile of right loops, for one left instance, and of left loops, for operations whose right indices the
// left ones decide. Legal where no operation reads an entry that another iteration of the loop writes.
void mark_fissile(Part& part);

} // namespace tpc::plan
