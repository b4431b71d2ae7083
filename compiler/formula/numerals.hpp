// Numbers as one writes them on paper: 2 for 2.0000000000000004, 2/9 for 0.2222222222222222.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace tpc::formula {

// Numerator and denominator of a value with no short decimal form that is a fraction of small numbers.
std::optional<std::pair<long, long>> fraction(double value);

bool is_fraction(double value);
std::string numeral(double value);

} // namespace tpc::formula
