// One plan in two forms.
#pragma once

#include "tests/execute/pipeline.hpp"

namespace tpc::tests {

// Checks that a program's plan gives the same kernels as it runs and in another form, and via D; for five samples of which
// two are equal (and one opposite to them), and for these with samples of other sizes. `single`: the bound for single
// precision.
void check_forms(const Program& program, Settings::Form other, bool opposite, double single);

} // namespace tpc::tests
