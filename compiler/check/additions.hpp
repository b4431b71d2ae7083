// Statements that the check adds to a program.
#pragma once

#include "compiler/ir/program.hpp"

#include <vector>

namespace tpc::check {

// Appends a statement, and puts it, inside `loops`, behind the one of index `after`.
void add_behind(ir::Program& program, std::uint32_t after, ir::Statement statement, const std::vector<ir::Range>& loops);

} // namespace tpc::check
