// Formulas of the recursions in LaTeX.
#pragma once

#include "compiler/formula/formula.hpp"

#include <map>
#include <string>
#include <vector>

namespace tpc::formula {

// How the indices of one line are called.
struct LineLatex {
    const Formulas& formulas;
    const limit::Recursions& recursions;
    std::map<ir::Symbol, std::string> names;
    // `one_sample`: the line says of single samples what it says.
    LineLatex(const Formulas& f, const limit::Recursions& r, const std::vector<ir::Symbol>& symbols, bool one_sample);
};

std::string formula_latex(const LineLatex& line, const Formula& formula);
// A number, or a function of the variable z.
std::string scalar_latex(const LineLatex& line, ir::ExprId scalar);
std::string element_latex(const LineLatex& line, const limit::Element& element);
// Ranges and conditions; empty where there are none.
std::string domain_latex(const LineLatex& line, const ir::Domain& domain);

} // namespace tpc::formula
