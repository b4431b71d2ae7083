// Syntax tree -> tensor program: names, kinds, index domains, width scaling (language.md sections 3 to 5).
#pragma once

#include "compiler/ir/program.hpp"
#include "compiler/source/diagnostic.hpp"
#include "grammar/ast.hpp"

#include <map>
#include <optional>
#include <string>

namespace tpc::resolve {

enum class Rates { unit, variance };

struct Options {
    std::map<std::string, std::string> defines; // -D name=value: program parameters and axis sizes
    Rates rates = Rates::unit;
};

// Parameters become numbers, functions and blocks are expanded, axes stay symbolic (those given by -D are in
// Program::sizes). Reports every independent error; nothing is returned when there is one or the tree is not whole. A
// define that the program does not have, or of the wrong kind, is reported under the ids `unknown_define` and `bad_define`
// (wrong usage, exit code 64).
std::optional<ir::Program> resolve(const ast::Tree& tree, const source::Files& files, const Options& options,
                                   source::Diagnostics& diagnostics);

// Walks the program at given sizes (every axis has one): each element assigned once and before it is read, no gaps, no
// index outside without a mode, exact divisions, non-negative variances. Reports errors with the element in the user's
// terms.
void verify_elements(const ir::Program& program, const ir::Sizes& sizes, source::Diagnostics& diagnostics);

// The box around all elements that the program ever assigns to each family (by family; empty families have no bounds):
// what `zero`, `wrap` and `clamp` refer to.
struct Extent {
    std::vector<std::int64_t> lower, upper;
    [[nodiscard]] bool empty() const { return !lower.empty() && lower[0] > upper[0]; }
};
std::vector<Extent> extents(const ir::Program& program, const ir::Sizes& sizes);

// Small sizes for the axes that have none, consistent with declarations such as R[2*p, c]; what `tpc check` uses.
ir::Sizes small_sizes(const ir::Program& program);

} // namespace tpc::resolve
