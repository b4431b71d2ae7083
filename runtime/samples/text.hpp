// Figures as texts for a user.
#pragma once

#include <fmt/format.h>

#include <string>

namespace tpc::execute {

inline std::string duration(double seconds) {
    if (seconds < 1e-6)
        return fmt::format("{:.0f} ns", seconds * 1e9);
    if (seconds < 1e-3)
        return fmt::format("{:.3g} us", seconds * 1e6);
    return seconds < 1 ? fmt::format("{:.3g} ms", seconds * 1e3) : fmt::format("{:.3g} s", seconds);
}

} // namespace tpc::execute
