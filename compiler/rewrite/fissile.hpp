// Which loops may run one statement after the other, each over all iterations.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// Sets WalkItem::fissile of innermost right loops, for one left instance, and of nests of left loops (each the only child of
// the one around it), for operations whose right indices the left ones decide. Legal where no operation reads an entry that
// another iteration of the loops writes.
void mark_fissile(Part& part);

} // namespace tpc::plan
