// Statements that the check adds to a program.
#pragma once

#include "compiler/ir/program.hpp"

#include <string>
#include <vector>

namespace tpc::check {

// The stem, or with the first number that makes it a name that the program does not have.
std::string fresh_name(const ir::Program& program, const std::string& stem);

// Appends a statement, and puts it, inside `loops`, behind the one of index `after`.
void add_behind(ir::Program& program, std::uint32_t after, ir::Statement statement, const std::vector<ir::Range>& loops);

} // namespace tpc::check
