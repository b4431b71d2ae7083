// Arithmetic of sums of groups (terms.hpp).
#pragma once

#include "runtime/gaussian/terms.hpp"

namespace tpc::gaussian {

inline constexpr std::size_t most_groups = 32;

// Equal but for their polynomials.
bool alike(const Group& a, const Group& b);

// Adds `term` to the group that is like it; zeros remain until tidy().
void accumulate(Groups& sum, const Group& term);
void tidy(Groups& sum);

Groups constant(Complex value);
// a + factor * b
Groups add(const Groups& a, const Groups& b, Complex factor = 1);
Groups scale(const Groups& a, Complex factor);
// Nothing where powers or groups grow too many, or two error functions meet.
std::optional<Groups> multiply(const Groups& a, const Groups& b);

} // namespace tpc::gaussian
