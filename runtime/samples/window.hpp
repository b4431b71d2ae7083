// Which pairs of samples run at once.
#pragma once

#include <cstddef>

namespace tpc::execute {

// Samples [first, first + count).
struct Span {
    std::size_t first = 0, count = 0;
    [[nodiscard]] std::size_t end() const { return first + count; }
    [[nodiscard]] bool operator==(const Span&) const = default;
};

// Counted within the states that hold the samples; the origins say which samples of the sets the states begin with.
struct Window {
    Span left, right;
    std::size_t left_origin = 0, right_origin = 0;
};

} // namespace tpc::execute
