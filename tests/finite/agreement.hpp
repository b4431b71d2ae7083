// Does a limit agree with networks of finite width, within the statistical error?
#pragma once

#include "runtime/finite/simulate.hpp"

#include <string>

namespace tpc::tests {

struct Agreement {
    bool holds = true;
    std::string table; // of the simulation that decided
};

// The mean over seeds at width n must be within 4 standard errors plus 10/n (the bias of a finite width) of the limit,
// in relative Frobenius norm. What fails at width 256 is tried again at 1024 with other seeds and fails if it does so there.
// `right` null: the kernels of `left` with itself.
Agreement agreement(const ir::Program& program, const finite::SampleSet& left, const finite::SampleSet* right,
                    const finite::Kernels& limit);

} // namespace tpc::tests
