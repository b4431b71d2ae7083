// The correlation of two Gaussians and its angle, accurate where they nearly coincide or are nearly opposite.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>

namespace tpc::gaussian {

// With rho = c / sqrt(AB): the gap to the nearer of 1 and -1, t = 1 - |rho|.
template <class Real> struct Correlation {
    Real root_a = 0, root_b = 0;
    bool positive = true; // rho >= 0
    Real gap = 1;         // t in [0, 1]; 1 when a or b has no variance
};

// 1 - rho = minus / (2 sqrt(AB)), and 1 + rho likewise from plus.
template <class Real> inline Correlation<Real> correlate(Real A, Real B, Real minus, Real plus) {
    Correlation<Real> result;
    result.root_a = std::sqrt(A);
    result.root_b = std::sqrt(B);
    result.positive = minus <= plus;
    const Real product = result.root_a * result.root_b;
    const Real gap = (result.positive ? minus : plus) / (2 * product);
    result.gap = product > 0 ? (gap > 0 ? (gap < 1 ? gap : Real(1)) : Real(0)) : Real(1);
    return result;
}

// sqrt(AB), exactly A where A = B: a sample with itself has no gap.
template <class Real> inline Real root_product(Real A, Real B) {
    return A == B ? A : std::sqrt(A) * std::sqrt(B);
}

// (sqrt A - sqrt B)^2, what E[(a - b)^2] is beyond minus.
template <class Real> inline Real root_difference(Real A, Real B) {
    const Real sum = std::sqrt(A) + std::sqrt(B);
    const Real difference = sum > 0 ? (A - B) / sum : Real(0);
    return difference * difference;
}

// Polynomials in x = 4w - 1 in [-1, 1], w = t/2 = sin^2(theta/2), theta = acos |rho|, s = sqrt(w):
//   theta = s * angle(x),   sin theta - theta cos theta = s^3 * lens(x),   cos(theta/2) = half_cosine(x).
// Singular at w = 1 only, so that Chebyshev interpolation on [0, 1/2] converges like 5.8^-n; like 58^-n
//   atan y = y * arctangent(y^2),   |y| <= tan(pi/12).
// As many terms as leave out less than a few ulps of doubles (7e-16 to 3e-18), half an ulp of floats.
template <class Real> struct AnglePolynomials {
    static constexpr bool single = sizeof(Real) == 4;
    static constexpr std::size_t angle_terms = single ? 8 : 17;
    static constexpr std::size_t lens_terms = single ? 7 : 16;
    static constexpr std::size_t half_cosine_terms = single ? 8 : 16;
    static constexpr std::size_t arctangent_terms = single ? 5 : 10;
    std::array<Real, angle_terms> angle{};
    std::array<Real, lens_terms> lens{};
    std::array<Real, half_cosine_terms> half_cosine{};
    std::array<Real, arctangent_terms> arctangent{};
    static const AnglePolynomials& instance();
};

template <class Real, std::size_t N> inline Real horner(const std::array<Real, N>& coefficients, Real x) {
    Real value = coefficients[N - 1];
    for (std::size_t k = N - 1; k-- > 0;)
        value = value * x + coefficients[k];
    return value;
}

} // namespace tpc::gaussian
