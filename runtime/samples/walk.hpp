// Runs through the instances of a plan's loops.
#pragma once

#include "compiler/plan/walk.hpp"

namespace tpc::execute {

using plan::Path;
using plan::right_bounds;
using plan::Step;
using plan::walk_left;
using plan::walk_right;

} // namespace tpc::execute
