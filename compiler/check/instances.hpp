// What a statement gives in all instances of its loops, whatever the conditions around it say.
#pragma once

#include "compiler/check/gia.hpp"

#include <vector>

namespace tpc::check {

// The points of the ranges at which the conditions hold, as ranges once more: one list of them for each part. Not `exact`,
// and too many, where bounds do not decide it for all sizes.
struct Parts {
    std::vector<std::vector<ir::Range>> ranges;
    bool exact = true;
};
Parts ranges_under(const ir::Program& program, const ir::Domain& domain);

// A term of a statement that is 0 where the conditions of the statement do not hold: its parts become elements of families,
// whose statements are added to the program.
void guard(ir::Program& program, OutputTerm& term, std::uint32_t statement);

} // namespace tpc::check
