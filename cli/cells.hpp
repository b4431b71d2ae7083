// A kernel cut into blocks of pairs of samples.
#pragma once

#include "cli/sides.hpp"

#include <vector>

namespace tpc::cli {

// Pairs between two groups, by their samples. Of a kernel of a set with itself left.end() <= right.first, or both are one.
struct Cell {
    std::size_t left_group = 0, right_group = 0;
    execute::Span left, right;
    [[nodiscard]] bool same() const { return left_group == right_group && left == right; }
};

// How far cells reach: powers of two, `step` at most `panel`. Cells of a pair of panels follow each other.
struct Grid {
    std::size_t step = 0, panel = 0;
};
Grid whole_groups();

// What is wanted of a kernel.
struct Wanted {
    std::vector<execute::Span> rows, columns; // by group: which of its samples
    bool symmetric = false;                   // cells stand for their transposes, too
};
Wanted wanted_of(const Dataset& left, const Dataset* right, const execute::Span& rows, const execute::Span& columns);

// Groups with themselves come first, those of the largest sizes before the others: they hold the largest entries, to which
// errors are relative.
std::vector<Cell> cells_of(const Wanted& wanted, const Grid& grid);

// Pairs that a cell computes.
std::size_t pairs_of(const Wanted& wanted, const Cell& cell);

} // namespace tpc::cli
