// `tpc emit`: a compiled kernel as one source file.
#pragma once

#include "compiler/plan/plan.hpp"

#include <optional>
#include <string>

namespace tpc::emit {

struct About {
    std::string file;    // the program's, as the user calls it
    std::string source;  // its text
    std::string verdict; // of the GIA check, as check prints it
    std::string command; // that writes the file
};

// A plan for samples of equal sizes, with tangents, as one file of standard C++17 in double precision: namespace
// <program>_kernel with struct Samples, self, kernel and kernel_matrix. `recursions`: with axes as symbols, for the
// comments. Reports what has no such form (expectations over several Gaussians) and returns nothing then.
std::optional<std::string> cpp(const plan::Plan& plan, const limit::Recursions& recursions, const About& about,
                               source::Diagnostics& diagnostics);

// The derivation as a LaTeX document that needs amsmath, amssymb and geometry.
std::string latex(const limit::Recursions& recursions, const About& about);

} // namespace tpc::emit
