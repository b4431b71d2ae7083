// Source text to a tensor program, for the tests of this folder.
#pragma once

#include "runtime/finite/kernels.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tpc::tests {

// Parses and resolves; throws std::runtime_error with the rendered diagnostics when there is an error.
ir::Program compile(const std::string& text, const std::map<std::string, std::string>& defines = {});

// Sizes by axis name.
ir::Sizes sizes(const ir::Program& program, const std::map<std::string, std::int64_t>& by_name);

// Standard normal data of the shapes that the program's inputs have at `sizes`.
finite::SampleSet random_samples(const ir::Program& program, const ir::Sizes& sizes, std::size_t samples,
                                 std::uint64_t seed);

} // namespace tpc::tests
