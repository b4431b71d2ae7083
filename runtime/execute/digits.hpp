// Digits that are left of a variance when means are large beside deviations.
#pragma once

#include "runtime/execute/state.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <type_traits>

namespace tpc::execute {

// `variance` is what squares of means left of terms of this size in all. Nothing, or in double precision not more than their
// rounding, is a constant; throws where rounding is a part of the rest that kernels would show.
template <class Real> void require_digits(double size, double variance) {
    constexpr bool single = std::is_same_v<Real, float>;
    constexpr double epsilon = std::numeric_limits<Real>::epsilon();
    constexpr double most = single ? 1e-4 : 1e-8; // of the variance
    const double rest = std::abs(variance), rounding = epsilon * size;
    if (rest == 0 || (!single && rest <= 16 * rounding) || !(rounding > most * rest))
        return;
    throw MethodError(
        fmt::format("a mean is so large beside the deviation from it that {} precision leaves {:.0e} of the variance "
                    "to rounding: take constants out of what they are subtracted from again{}",
                    single ? "single" : "double", rounding / rest, single ? ", or compute with --dtype f64" : ""));
}

} // namespace tpc::execute
