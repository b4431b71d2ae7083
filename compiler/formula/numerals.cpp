#include "compiler/formula/numerals.hpp"

#include <fmt/format.h>

#include <cmath>

namespace tpc::formula {
namespace {

// Values are results of a few operations: the last two digits are rounding.
std::string decimal(double value) {
    return fmt::format("{:.14g}", value);
}

constexpr std::size_t short_form = 8;
constexpr long largest_denominator = 4096;

} // namespace

std::optional<std::pair<long, long>> fraction(double value) {
    if (!std::isfinite(value) || std::abs(value) > 1e6 || decimal(value).size() <= short_form)
        return std::nullopt;
    for (long q = 2; q <= largest_denominator; ++q) {
        const double p = std::round(value * static_cast<double>(q));
        if (p != 0 && std::abs(value * static_cast<double>(q) - p) <= 1e-14 * std::abs(p))
            return std::pair(static_cast<long>(p), q);
    }
    return std::nullopt;
}

bool is_fraction(double value) {
    return fraction(value).has_value();
}

std::string numeral(double value) {
    if (const auto exact = fraction(value))
        return fmt::format("{}/{}", exact->first, exact->second);
    return decimal(value);
}

} // namespace tpc::formula
