// Functions of rows of numbers, in the vectors of the machine at hand.
#pragma once

#include "compiler/ir/expression.hpp"

#include <cstddef>
#include <cstdint>

namespace tpc::joint {

// Rows hold multiples of so many numbers.
inline constexpr std::size_t row_step = 16;

// out[i] = function(a[i], b[i]) for i < count, a multiple of row_step; to a few units in the last place of what
// ir::evaluate gives. b == a for functions of one argument.
template <class Real> void elementwise(ir::Function function, const Real* a, const Real* b, Real* out, std::size_t count);

// out[i]: the standard normal quantile at (bits[i] + 1/2) / 2^32.
template <class Real> void normal_quantiles(const std::uint32_t* bits, Real* out, std::size_t count);

// out[i] = start + sum over k of weights[k] rows[k][i].
template <class Real>
void combine(double start, const double* weights, const Real* const* rows, std::size_t terms, Real* out, std::size_t count);

// sum over i < count of a[i] b[i], of any count.
template <class Real> double dot(const Real* a, const Real* b, std::size_t count);

} // namespace tpc::joint
