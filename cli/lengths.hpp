// --lengths: the sizes of an axis, sample by sample.
#pragma once

#include "compiler/ir/program.hpp"

#include <string>
#include <vector>

namespace tpc::cli {

struct Lengths {
    ir::Symbol axis{};
    std::string path;
    std::vector<std::int64_t> values; // one a sample, positive
};

// Axes that the inputs of the program have. Throws Failure.
std::vector<Lengths> read_lengths(const ir::Program& program, const std::vector<std::string>& files,
                                  const std::string& option);

} // namespace tpc::cli
