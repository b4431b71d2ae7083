// What conditions and index modes mean once indices are numbers (language.md, sections 4 and 5).
#pragma once

#include "compiler/ir/expression.hpp"

#include <cstdint>
#include <optional>

namespace tpc::ir {

inline bool holds(Relation relation, std::int64_t value) {
    switch (relation) {
    case Relation::zero:
        return value == 0;
    case Relation::non_negative:
        return value >= 0;
    case Relation::non_zero:
        return value != 0;
    }
    return false;
}

// The index in [lower, upper] that is read for `index`; nothing: what is read is 0, or does not exist (`none`).
inline std::optional<std::int64_t> apply_mode(std::int64_t index, std::int64_t lower, std::int64_t upper, IndexMode mode) {
    if (index >= lower && index <= upper)
        return index;
    const std::int64_t size = upper - lower + 1;
    if (size <= 0 || mode == IndexMode::none || mode == IndexMode::zero)
        return std::nullopt;
    if (mode == IndexMode::clamp)
        return index < lower ? lower : upper;
    return lower + ((index - lower) % size + size) % size;
}

} // namespace tpc::ir
