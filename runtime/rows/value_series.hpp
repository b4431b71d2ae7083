// Mehler's series of one smooth function on both sides, as C alone, of sums of terms. With C / (norm norm') = rho,
//   E[phi' phi'] = sum_k d_k d'_k rho^k,   E[phi phi] = h_0 h'_0 + s s' rho sum_k d_k d'_k rho^k / (k + 1).
#pragma once

#include "runtime/rows/rows.hpp"

namespace tpc::rows {

// What it needs of each Gaussian, in this order, before the d_k of the parities that do not vanish.
struct SeriesNumbers {
    enum : std::size_t {
        inverse,   // 1 / norm of the Gaussian, 0 for 0
        deviation, // s
        first,     // h_0
        square,    // E[phi^2]
        slope,     // E[phi'^2]
        count,
    };
};

inline constexpr std::size_t most_of_series = 1024; // powers of rho

struct ValueSeries {
    std::size_t terms = 0; // d_k that are there
    bool even = true, odd = true;
    const double* reach = nullptr; // gaussian::Shape
    const double* left = nullptr;
    const double* right = nullptr; // [number][lane]
    std::size_t right_stride = 0;
    std::ptrdiff_t left_step = 0, left_sheet = 0, right_step = 0, right_sheet = 0;
};

// As value_of_sum of an arcsine.
void value_of_sum(const LinearRow<double>& row, const ValueSeries& dual, double* apart);

} // namespace tpc::rows
