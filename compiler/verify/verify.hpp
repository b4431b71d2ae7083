// A plan run without numbers: whether what its operations read is there by then.
//
// An element that no statement assigns, and a pair with such an element, are zero and never written. Everything else that is
// read (entries, their gaps and T, means, second moments, numbers of a sample) has to be written before, by whom it stands
// for, and once; outputs are written for all their indices.
#pragma once

#include "compiler/plan/plan.hpp"

#include <limits>

namespace tpc::plan {

enum class Fault {
    early,    // read, and written later
    missing,  // read and never written
    replaced, // read where another entry has been written meanwhile
    values,   // gaps are read of what holds C alone
    slopes,   // T is read where C alone was written
    outside,  // of what is stored
    twice,    // written again, added to after it was read, or in the place of another entry
    unmade,   // an output that nothing writes
};

struct Finding {
    Fault fault = Fault::early;
    std::string text; // "cross: C(x[1], y_[2]) reads C(g[1], h_[2]) before it is written"
};

// The first ones of each operation. Looks at `most` reads of each part at the most.
std::vector<Finding> verify(const Plan& plan, std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

} // namespace tpc::plan
