// The limit of a program as the networks of this folder are compared with it.
#pragma once

#include "compiler/network/network.hpp"
#include "compiler/plan/plan.hpp"
#include "runtime/execute/evaluate.hpp"
#include "runtime/finite/kernels.hpp"

#include <stdexcept>

namespace tpc::tests {

// What the compiler or the runtime has to say against a program.
struct Refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A plan for two sample sets of these sizes; throws Refused.
plan::Plan plan(const ir::Program& program, const ir::Sizes& left, const ir::Sizes& right);

// Runs it; `right` null: the kernel of `left` with itself. Throws Refused. `stated` takes the largest error that is stated.
finite::Kernels limit(const plan::Plan& plan, const finite::SampleSet& left, const finite::SampleSet* right = nullptr,
                      const execute::Options& options = {}, double* stated = nullptr);

// Both in a row.
finite::Kernels limit(const ir::Program& program, const finite::SampleSet& left, const finite::SampleSet* right = nullptr,
                      const execute::Options& options = {});

// Largest difference over the largest entry of the second, over both kernels of all outputs; infinite where the shapes
// differ or an entry is not finite.
double difference(const finite::Kernels& a, const finite::Kernels& b);

} // namespace tpc::tests
