// What an expression of the source stands for while it is elaborated.
#pragma once

#include "compiler/ir/expression.hpp"

#include <optional>

namespace tpc::resolve {

using ir::Affine;
using ir::ExprId;
using source::Span;

// `unknown` is the type of a family before the first statement that fixes it has been seen.
enum class Shape : std::uint8_t { unknown, scalar, finite, vector, matrix };

// expr * n^(power/2); `origin` is the inner product or the n that brought the power in. Powers that rounding alone keeps
// from whole numbers are these (powers.hpp).
struct Term {
    double power = 0;
    ExprId expr{};
    Span origin;
};
using Terms = llvm::SmallVector<Term, 1>;

// A sum of terms of distinct powers of n (descending); a matrix names a member of a parameter instead.
struct Value {
    Shape shape = Shape::unknown;
    bool bad = false; // an error has been reported: no further errors follow from it
    bool row = false; // x' of a vector
    Terms terms;
    std::optional<Affine> integer; // integer parameters, axes, loop indices and sums of them
    std::optional<Affine> size;    // finite vectors: their length
    std::optional<Span> readout;   // carries a power of n other than 0: only outputs may use it; where it came from
    std::uint32_t matrix = 0;      // parameter
    ir::Access access;             // its member
    bool transposed = false;
    Span span;
};

} // namespace tpc::resolve
