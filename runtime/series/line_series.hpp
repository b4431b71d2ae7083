// Mehler's series where each side depends on one coordinate: E[f(u) g(w)] = sum over k of f_k g_k s^k.
//
// Points on a line cost little, so that nothing is guessed from rules of few nodes: an even grid that is seen to resolve f^2
// and f'^2, or panels halved until they do. Coefficients are sums over those, and by Parseval what the terms from K on add
// is below s^K times the root of (E[f^2] - sum over k < K of f_k^2) times the same of g.
#pragma once

#include "runtime/series/side.hpp"
#include "runtime/series/spectral.hpp"

#include <optional>

namespace tpc::joint {

// Nothing where `most_points` or the terms do not reach the tolerance. Sides of at most one coordinate; s: its correlation,
// 0 where they share none.
std::optional<Precise> line_series(const Side& left, const Side& right, double s, bool slopes, double tolerance,
                                   std::size_t most_points);

} // namespace tpc::joint
