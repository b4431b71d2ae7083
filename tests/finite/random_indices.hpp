// Random programs whose families read one another at all sorts of indices: shifts under modes, mirrored and constant ones,
// diagonals, layers with residual reads from neighbours. What they compute is plain; where it comes from is not.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tpc::tests {

// coefficient * (the read itself, W @ read, or phi(W @ read)); over a window, a sum of those.
struct IndexTerm {
    unsigned form = 0;
    unsigned matrix = 0;            // of a few, shared by all families; one of them has a member for each tap of a window
    unsigned family = 0;            // what is read, of those before
    unsigned first = 0, second = 0; // index forms, into lists
    unsigned mode = 0;
    bool window = false;
};

struct IndexFamily {
    enum class Kind : std::uint8_t { line, square, diagonal, layers } kind = Kind::line;
    std::vector<IndexTerm> terms;
};

struct IndexSpec {
    std::vector<IndexFamily> families;
    unsigned function = 0;
    unsigned output = 0;
};

IndexSpec random_indices(std::uint64_t seed);

// Inputs are `xi : R[P, d]`.
std::string source(const IndexSpec& spec);

// The description that no single cut of a term or of the last family makes smaller while it still fails.
IndexSpec reduced(IndexSpec spec, const std::function<bool(const IndexSpec&)>& fails);

} // namespace tpc::tests
