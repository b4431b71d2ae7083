// The dual kernel of p1 z + p2 |z| as C alone.
#pragma once

#include "runtime/rows/rows.hpp"

namespace tpc::rows {

// As value_of_sum of an arcsine, with a least gap 2 (1 - |rho|) of its own: rounding of C by u leaves an error of
// u / sqrt(gap) in E[phi' phi'].
template <class Real> inline constexpr double least_gap = sizeof(Real) == 8 ? least_apart : 2e-2;
// `same`, by lane: not 0 where both sides are one Gaussian, so that rho is 1 whatever rounding left of C, and no digit is
// lost.
template <class Real>
void value_of_sum(const LinearRow<Real>& row, const HomogeneousRow<Real>& dual, const Real* same, Real* apart);

} // namespace tpc::rows
