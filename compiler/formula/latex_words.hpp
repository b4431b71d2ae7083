// Names and numbers of a program in LaTeX.
#pragma once

#include <string>
#include <string_view>

namespace tpc::formula {

// h -> h, loss -> \mathrm{loss}, x2 -> x^{(2)}, ξ -> \xi
std::string latex_identifier(const std::string& name);
// 0.5 -> \tfrac{1}{2}, 1e-5 -> 1 \cdot 10^{-5}
std::string latex_number(double value);
// tanh -> \tanh, relu -> \operatorname{relu}
std::string latex_operator(std::string_view name);

} // namespace tpc::formula
