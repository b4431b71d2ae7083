// Many polynomials at a few places at once.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace tpc::gaussian {

inline constexpr std::size_t side_by_side = 8; // places
using Abreast = std::array<double, side_by_side>;

// sum_c coefficients[c] T_c(x) in rows, some of which go through registers together.
struct ChebyshevRows {
    static constexpr std::size_t together = 4, most_nodes = 32;
    struct Group {
        std::size_t nodes = 0;                                                 // of the longest
        std::array<std::size_t, together> rows{};                              // the first one again where there are fewer
        std::array<Abreast::value_type, together * most_nodes> coefficients{}; // [c][row]
    };
    std::vector<Group> groups;
    void add(std::size_t row, const double* coefficients, std::size_t count); // count > 0

  private:
    std::size_t last_ = together; // of the rows of the last group
};

// Writes result[row] for each of the rows, from places in [-1, 1]; each place alone decides what it gets.
void chebyshev_sums(const ChebyshevRows& rows, const Abreast& places, Abreast* result);

} // namespace tpc::gaussian
