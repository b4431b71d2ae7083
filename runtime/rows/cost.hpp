// What row operations cost, for estimates before a run.
#pragma once

#include "runtime/gaussian/dual.hpp"

namespace tpc::rows {

// Floating-point operations a second of one core, measured (about a millisecond): independent fused multiply-adds, two
// operations each, in vectors of the instruction set in use.
template <class Real> double peak_rate();

// Floating-point operations of one lane, value and slope together; nothing where the kernel has no row operation.
template <class Real> std::optional<double> arithmetic(const gaussian::Shape& shape);

// Of one product that a linear row adds up, as C alone or as gaps, with T.
inline double arithmetic_of_product(bool gaps) {
    return gaps ? 12 : 6;
}

} // namespace tpc::rows
