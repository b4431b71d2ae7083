// Formulas of the recursions as plain text.
#pragma once

#include "compiler/formula/formula.hpp"
#include "compiler/ir/print.hpp"

#include <string>

namespace tpc::formula {

// How the indices of one line are called.
struct LineText {
    const Formulas& formulas;
    const limit::Recursions& recursions;
    ir::PrintNames names;
    // `one_sample`: the line says of single samples what it says.
    LineText(const Formulas& f, const limit::Recursions& r, const Line& line, bool one_sample);
};

std::string formula_text(const LineText& line, const Formula& formula);
// Ranges and conditions; empty where there are none.
std::string domain_text(const LineText& line, const ir::Domain& domain);
// f[t], f_[t_]
std::string output_pair_text(const LineText& line, std::size_t output);

} // namespace tpc::formula
