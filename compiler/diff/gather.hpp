// Turns "the reader at these loop indices adds to x[r(indices)]" into "x[j] receives the sum over the readers of j".
#pragma once

#include "compiler/check/bounds.hpp"
#include "compiler/diff/backward.hpp"

#include <optional>
#include <vector>

namespace tpc::diff {

// The least box around the elements of a family, where index ranges give it without sizes.
struct Box {
    std::vector<std::optional<ir::Affine>> lower, upper;
    std::vector<std::string> names; // an index name from a defining statement, or ""
};
std::vector<Box> boxes(const ir::Program& program);

// A read x[read] by an instance of `loops` (a statement's domain) within sums over `sums`.
struct Reader {
    ir::Domain loops;
    std::vector<ir::Range> sums;
    std::uint32_t family = 0;
    ir::Access read;
};

struct Gathered {
    std::vector<ir::Affine> indices;
    ir::Domain domain;
    ir::Domain sum;
    std::vector<Fold> folds;
    std::map<ir::Symbol, ir::Affine> values; // the solved loop indices
    // Solved loop indices whose ranges `sum.conditions` state (positions of the two bounds in it), in case a mode can.
    struct Bounded {
        ir::Symbol index;
        ir::Range range;
        std::vector<ir::Condition> conditions;
    };
    std::vector<Bounded> bounded;
};

// Loop indices first, then sum indices, as far as coefficients are +-1; the rest stays a sum with conditions.
// Adds target symbols to the program.
Gathered gather(ir::Program& program, const Reader& reader, const std::vector<Box>& boxes, const check::Bindings& bindings);

} // namespace tpc::diff
