// A sum whose only reader takes its terms: each entry is written once, so that the sum may as well be taken later, and it is
// stored nowhere.
#pragma once

#include "compiler/plan/plan.hpp"

#include <optional>
#include <vector>

namespace tpc::execute {

// The operation that alone writes an array of which nothing is wanted but what `reader` reads.
std::optional<std::uint32_t> sole_writer(const plan::Part& part, std::uint32_t array, std::uint32_t reader);

// Takes the sum `writer` out of the walk, with what it has stored, and gives its terms in the names of `reader`, which reads
// `read` of it; nothing, and nothing taken, where they have no names there.
std::optional<std::vector<plan::TermOp>> absorb(plan::Part& part, std::uint32_t reader, const plan::EntryRead& read,
                                                std::uint32_t writer);

} // namespace tpc::execute
