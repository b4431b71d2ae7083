// The simple GIA check (language.md section 7) and the readouts it finds.
#pragma once

#include "compiler/ir/program.hpp"
#include "compiler/source/diagnostic.hpp"

namespace tpc::check {

// One term of an output: coefficient * { v[member]' vector / sqrt(n) | c[member] | 1 }, summed over `ranges`.
struct OutputTerm {
    enum class Kind { readout, scalar, constant };
    Kind kind = Kind::readout;
    std::vector<ir::Range> ranges;
    ir::ExprId coefficient{};    // scalar, of numbers, data and moments only
    std::uint32_t parameter = 0; // readout, scalar
    ir::Access member;
    ir::ExprId vector{}; // readout; a scalar c stands for c in every coordinate
    source::Span span;
};

struct Verdict {
    bool holds = false;
    unsigned reasons = 0; // errors reported when it does not hold
    // By output; meaningful when `holds`. Names that stand for output expressions are substituted.
    std::vector<std::vector<OutputTerm>> terms;
};

// Reports each reason for a failure as an error with the place of the use that breaks independence and notes on the way
// there. Appends coefficients to program.exprs, and the weights of names that are defined by recursion (weights.hpp) as
// families of numbers; changes nothing else. Where index ranges alone do not settle whether two uses meet, the elements at
// resolve::small_sizes(program) do: put the sizes of the data into program.sizes first where they are known.
Verdict check(ir::Program& program, source::Diagnostics& diagnostics);

// "matrix W[l in 2..3] ~ N(0, 2 / n)" under another name and, if given, another kind.
std::string declaration(const ir::Program& program, std::uint32_t parameter, const std::string& name,
                        const char* kind = nullptr);

// What `tpc check` prints: the verdict, the parameters with shapes and laws, the outputs.
std::string describe(const Verdict& verdict, const ir::Program& program);

} // namespace tpc::check
