// The elements that may be read under one name, while a program is walked through.
#pragma once

#include "compiler/resolve/elements_walk.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tpc::resolve::elements {

constexpr std::uint64_t most_elements = 400'000'000; // bits: 50 MB

// The elements that may be read under one name: a box, and which of its elements there are.
struct Space {
    std::string kind = {}; // "the family"
    std::string name = {};
    std::size_t implicit = 0;
    Extent box = {};
    bool empty = false;
    bool bad = false; // an error has been reported that explains whatever is missing
    std::vector<std::uint64_t> strides = {};
    std::vector<std::uint64_t> assigned = {};         // bits; families only
    const std::vector<ir::Range>* declared = nullptr; // parameters whose members do not fill the box
    source::Span span = {};

    [[nodiscard]] bool inside(std::size_t k, std::int64_t i) const { return i >= box.lower[k] && i <= box.upper[k]; }
    [[nodiscard]] bool inside(const Index& index) const {
        for (std::size_t k = 0; k < index.size(); ++k)
            if (!inside(k, index[k]))
                return false;
        return !empty;
    }
    [[nodiscard]] std::uint64_t offset(const Index& index) const {
        std::uint64_t result = 0;
        for (std::size_t k = 0; k < index.size(); ++k)
            result += static_cast<std::uint64_t>(index[k] - box.lower[k]) * strides[k];
        return result;
    }
    [[nodiscard]] bool test(std::uint64_t at) const { return (assigned[at / 64] >> (at % 64) & 1) != 0; }
    void set(std::uint64_t at) { assigned[at / 64] |= std::uint64_t{1} << (at % 64); }
};

// The number of elements of the box; throws TooLarge.
std::uint64_t volume(const Space& space);
// Fills the strides and makes room for the bits; throws TooLarge.
void lay_out(Space& space);

// Between two assigned elements one that is not.
struct Gap {
    Index before, missing, after;
};
// The first one along index k; spends the walk's budget.
std::optional<Gap> first_gap(const Space& space, std::size_t k, Walk& walk);

// "x[1,2]", without the indices of the loops around.
std::string element(const Space& space, const Index& index);
// "1..4"
std::string range_text(const Space& space, std::size_t k);
// "1..4, 1 only", of the indices that an access gives: xi[5] names the first axis only.
std::string box_text(const Space& space, std::size_t given);

} // namespace tpc::resolve::elements
