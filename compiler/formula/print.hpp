// The recursions in print.
#pragma once

#include "compiler/limit/recursion.hpp"

#include <map>
#include <string>
#include <vector>

namespace tpc::formula {

// "C(g[t], g_[r]) = ..." one line an equation; self part first.
std::string print(const limit::Recursions& recursions);
std::string print_latex(const limit::Recursions& recursions);

// Of it, the lines "C(g[t], h_[t_]) = ..." across the samples, by the left family.
std::map<std::uint32_t, std::string> print_covariances(const limit::Recursions& recursions);

// One by one, for comments beside code: every line that gives a C, a T or a kernel.
struct PrintedEquation {
    bool self = false;                 // of one sample
    std::optional<std::size_t> output; // a kernel of it; else of these families
    std::uint32_t left = 0, right = 0;
    ir::Access left_access; // the indices of the left element
    std::string text;
};
std::vector<PrintedEquation> print_equations(const limit::Recursions& recursions);

} // namespace tpc::formula
