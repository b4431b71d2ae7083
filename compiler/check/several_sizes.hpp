// The check where one network meets samples of several sizes.
#pragma once

#include "compiler/check/gia.hpp"

namespace tpc::check {

// As check(); what reads out samples of the `others` must not stand inside the network of these either.
Verdict check(ir::Program& program, source::Diagnostics& diagnostics, const std::vector<ir::Sizes>& others);

} // namespace tpc::check
