// Second moments of two vectors to the variances of their Gaussians.
#pragma once

#include "runtime/gaussian/correlation.hpp"
#include "runtime/gaussian/dual.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tpc::execute {

// On entry g's variances and gaps are those of second moments and its means are set; `rows` hold the centred ones.
// sqrt(E[a^2] E[b^2]) = sqrt(AB) + |m_a m_b| + q, where q >= 0 (Cauchy, Schwarz) vanishes when the means are in the ratio of
// the deviations.
template <class Real> void centre(gaussian::Gaussians<Real>& g, const std::array<Real*, 4>& rows) {
    const auto& [a, b, c, d] = rows;
    for (std::size_t i = 0; i < g.count; ++i) {
        const Real ma = g.mean_a[i];
        const Real mb = g.mean_b[i];
        const Real norms = gaussian::root_product(g.variance_a[i], g.variance_b[i]);
        a[i] = std::max(g.variance_a[i] - ma * ma, Real(0));
        b[i] = std::max(g.variance_b[i] - mb * mb, Real(0));
        const Real deviation_a = std::sqrt(a[i]);
        const Real deviation_b = std::sqrt(b[i]);
        const Real mean = std::abs(ma * mb);
        const Real cross = deviation_a * std::abs(mb) - deviation_b * std::abs(ma);
        const Real q = cross == Real(0) ? Real(0) : cross * cross / (norms + deviation_a * deviation_b + mean);
        c[i] = std::max(g.minus[i] - 2 * (q + (mean - ma * mb)), Real(0));
        d[i] = std::max(g.plus[i] - 2 * (q + (mean + ma * mb)), Real(0));
    }
    g.variance_a = {a, 1};
    g.variance_b = {b, 1};
    g.minus = {c, 1};
    g.plus = {d, 1};
}

} // namespace tpc::execute
