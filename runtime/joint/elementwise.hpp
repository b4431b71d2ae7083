// Functions of rows of numbers, in the vectors of the machine at hand.
#pragma once

#include "compiler/ir/expression.hpp"

#include <cstddef>
#include <cstdint>

namespace tpc::joint {

// Rows hold multiples of so many numbers.
inline constexpr std::size_t row_step = 8;

// out[i] = function(a[i], b[i]) for i < count, a multiple of row_step; to a few units in the last place of what
// ir::evaluate gives. b == a for functions of one argument.
void elementwise(ir::Function function, const double* a, const double* b, double* out, std::size_t count);

// out[i]: the standard normal quantile at (bits[i] + 1/2) / 2^32.
void normal_quantiles(const std::uint32_t* bits, double* out, std::size_t count);

// out[i] = start + sum over k of weights[k] rows[k][i].
void combine(double start, const double* weights, const double* const* rows, std::size_t terms, double* out,
             std::size_t count);

} // namespace tpc::joint
