// Sample sets: arrays of files bound to the inputs of a program.
#pragma once

#include "cli/session.hpp"
#include "compiler/ir/program.hpp"
#include "runtime/execute/evaluate.hpp"

#include <string>
#include <vector>

namespace tpc::cli {

struct Samples {
    execute::SampleSet set;
    std::vector<std::vector<std::size_t>> shapes; // by input, the axis of samples included
    ir::Sizes sizes;                              // of all axes of the program
};

// Binds `[name=]X.npy` or an .npz whose members are named as the inputs; `option` is what the files were given to. Solves
// the axes' sizes from the shapes. Throws Failure.
Samples read_samples(const ir::Program& program, const std::vector<std::string>& files, const std::string& option);

// Two sets at one network: what matrices read, and the law and rate of each common member of a family, must be equal.
// Throws Failure.
void require_agreement(const ir::Program& program, const Samples& left, const Samples& right);

} // namespace tpc::cli
