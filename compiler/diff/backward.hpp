// The backward half of a tensor program (limits.md section 3): for an output f = v' x / sqrt(n) the gradients
// d.x = sqrt(n) * df/dx of all vectors that f depends on, as equations over index families.
//
// Rules: d.x = v at the readout; y = W @ x gives d.x += W' @ d.y; y = phi(x1, ..., xk) gives d.xi += d.y * phi_i(x1, ...,
// xk). Gradients through scalars (averages over coordinates) vanish in the limit under the gradient independence assumption
// and are left out.
#pragma once

#include "compiler/check/gia.hpp"
#include "compiler/ir/program.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tpc::diff {

// What happens to a gradient on its way from a reader to the element it reads.
struct Step {
    enum class Kind { scale, divide, partial, matrix };
    Kind kind = Kind::scale;
    ir::ExprId expr{}; // scale, divide: a scalar; partial: a coordinatewise factor, or the argument of `prime`
    std::optional<ir::Function> prime; // partial: the derivative of this function at `expr`
    std::uint32_t parameter = 0;       // matrix
    ir::Access member;
    bool transposed = false;
};

// wrap(read) == target, clamp(read) == target: in the box of all elements of the family that is read.
struct Fold {
    ir::IndexMode mode = ir::IndexMode::wrap;
    ir::Affine read;
    ir::Affine target;
};

// d.family[indices] (+)= sum over `sum` and `folds` of steps(base), for every point of `domain`.
struct Equation {
    std::uint32_t family = 0; // the gradient's own family in Backward::program
    std::vector<ir::Affine> indices;
    ir::Domain domain;
    ir::Domain sum;
    std::vector<Fold> folds;
    ir::ExprId base{}; // a readout vector, or an element of a gradient
    std::vector<Step> steps;
    bool adds = false;                   // an earlier equation may have a part of the same element
    std::optional<std::uint32_t> output; // seeds: the output whose gradient they start
};

struct Backward {
    ir::Program program;                                // the forward program, and a family d.x for each gradient
    std::vector<std::optional<std::uint32_t>> gradient; // by forward family
    std::vector<Equation> equations;                    // in the order of execution; elements not listed are 0
    bool scalars_omitted = false;
};

// `outputs` as check() finds them (terms of `program`).
Backward differentiate(const ir::Program& program, const std::vector<std::vector<check::OutputTerm>>& outputs);

// A line: d.s[t] = W' @ d.g[t+1]   t in 0..T-1
std::string print(const Backward& backward, const Equation& equation);

// The forward program and its backward half, one line an equation.
std::string print(const Backward& backward);

} // namespace tpc::diff
