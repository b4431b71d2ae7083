// Names for output expressions that can be replaced by what they stand for.
#pragma once

#include "compiler/check/bounds.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace tpc::check {

// What the statements that define an element give it, each with the part of `ranges` (those of the sums around the read)
// that reads it; nothing where it takes a recursion or an index mode to say (weights.hpp). `all` are bindings(program),
// `recursive` by statement; statements behind those are not for names.
std::optional<std::vector<std::pair<ir::ExprId, std::vector<ir::Range>>>> inlined(ir::Program& program, const Bindings& all,
                                                                                  const std::vector<bool>& recursive,
                                                                                  const ir::Node& read,
                                                                                  const std::vector<ir::Range>& ranges);

} // namespace tpc::check
