// Sample sets: arrays of files bound to the inputs of a program, in groups of samples of equal sizes.
#pragma once

#include "cli/session.hpp"
#include "compiler/ir/program.hpp"
#include "runtime/execute/evaluate.hpp"

#include <string>
#include <vector>

namespace tpc::cli {

// Samples of equal sizes.
struct Samples {
    execute::SampleSet set;
    std::vector<std::vector<std::size_t>> shapes; // by input, the axis of samples included
    ir::Sizes sizes;                              // of all axes of the program
    std::vector<std::size_t> positions;           // in the set that they belong to, ascending
    std::size_t all = 0;                          // samples of that set
    std::string option;                           // what that set was given to
};

// Samples of any sizes.
struct Dataset {
    std::size_t samples = 0;
    std::vector<Samples> groups; // by sizes, ascending
};

struct DataFiles {
    std::vector<std::string> inputs;  // [name=]X.npy, or an .npz
    std::vector<std::string> lengths; // axis=lengths.npy
    std::string option = "--input";
    std::string lengths_option = "--lengths";
};

// Binds arrays to inputs: an .npy of all samples, an .npz whose members are named as the inputs, or one array a sample as
// the members of an .npz. Solves the axes' sizes from the shapes and lengths; what lies beyond the lengths of a sample is
// not read. Throws Failure.
Dataset read_data(const ir::Program& program, const DataFiles& files);

// The same where one size is needed.
Samples read_samples(const ir::Program& program, const std::vector<std::string>& inputs, const std::string& option);

} // namespace tpc::cli
