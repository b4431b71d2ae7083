// The lines of the print of the recursions one by one, for comments beside code.
#pragma once

#include "compiler/limit/recursion.hpp"

namespace tpc::limit {

// Every line that gives a C, a T or a kernel.
struct PrintedEquation {
    bool self = false;                 // of one sample
    std::optional<std::size_t> output; // a kernel of it; else of these families
    std::uint32_t left = 0, right = 0;
    ir::Access left_access; // the indices of the left element
    std::string text;
};
std::vector<PrintedEquation> print_equations(const Recursions& recursions);

} // namespace tpc::limit
