// The print of the stage `ir` (and of its parts, for the stages after it).
#pragma once

#include "compiler/ir/program.hpp"

#include <string>

namespace tpc::ir {

// How symbols print: their names, made distinct where two symbols of one name meet; `primed` names get a trailing `_`
// (the sample xi' of the limits: `T_`, `r_`).
struct PrintNames {
    const Program* program = nullptr;
    bool primed = false;
    std::map<Symbol, std::string> given = {}; // names to use as they are, for texts that are printed in pieces
    bool primed_values = false;               // inputs and families get the `_`, symbols do not
    std::function<std::optional<std::string>(ExprId)> instead = nullptr; // the text of an expression, where it gives one
};

std::string print(const PrintNames& names, const Affine& affine);
std::string print(const PrintNames& names, const Range& range);         // "t in 1..T"
std::string print(const PrintNames& names, const Condition& condition); // "l == 1"
std::string print(const PrintNames& names, const Domain& domain);       // "l in 2..L, t in 1..T, l != 2"
std::string print(const PrintNames& names, ExprId expr);                // as in the source: minimal parentheses

// A line, the domain right of it:
//   g[t] = W @ s[t-1] + U @ xi[t] + b                        t in 1..T
std::string print(const PrintNames& names, const Statement& statement);

// One line a declaration and a statement.
std::string print(const Program& program);

} // namespace tpc::ir
