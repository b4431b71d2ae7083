// Row operations: one coarse operation on rows of positions x lanes, in SIMD chosen at run time (Highway).
//
// Lanes are right samples, contiguous; their number is a multiple of `lane_step`. Covariances are carried as normalised
// gaps: with norms a, b = sqrt(E[x^2]), sqrt(E[y^2]) of two elements,
//   minus = 2 (1 - C / (a b)),  plus = 2 (1 + C / (a b)) = 4 - minus,   C = a b (1 - minus / 2).
// Where C may be negative both are carried, so that nearly opposite elements keep their digits as well.
#pragma once

#include <array>
#include <cstddef>

namespace tpc::rows {

// Lanes of all rows are a multiple of this: one cache line.
template <class Real> inline constexpr std::size_t lane_step = 64 / sizeof(Real);

// One term of a linear row: scale * (l x) (r y), x of the left sample and y of the right ones, whose entry is read.
// Pointers move by `step` from one position to the next, by `again` from one repetition to the next, and by `sheet` from one
// row of positions to the next.
template <class Real> struct Moving {
    const Real* data = nullptr;
    std::ptrdiff_t step = 0, again = 0, sheet = 0;
};
template <class Real> struct Term {
    bool value = false;        // the entry is C itself (in `minus`), not a normalised gap
    Moving<Real> minus;        // null: 0, one random vector on both sides
    Moving<Real> plus;         // null: 4 - minus
    Moving<Real> tangent;      // null: 0
    Moving<Real> left_norm;    // null: 1; a number for all lanes
    Moving<Real> left_factor;  // null: 1; a number for all lanes
    Moving<Real> right_norm;   // null: 1; by lane
    Moving<Real> right_factor; // null: 1; by lane
    Real left = 1, right = 1;  // constant coefficients
    Real scale = 1, rate = 0;  // T += scale l r T(x, y) + rate l r C(x, y)
    std::size_t repeats = 1;
};

template <class Real> struct LinearRow {
    std::size_t sheets = 1, positions = 1, lanes = 0;
    const Term<Real>* terms = nullptr;
    std::size_t count = 0;
    Moving<Real> left_inverse, right_inverse; // 1 / norm of the target's elements (0 for norm 0); null when `value`
    Moving<Real> left_factor, right_factor;   // of the whole sum, without `gap`; null: 1
    bool gap = false;                         // the gap is the same sum as C: nothing cancels
    Real* minus = nullptr;                    // C itself when `value`
    Real* plus = nullptr;                     // null: not wanted
    Real* tangent = nullptr;                  // null: not wanted
    std::ptrdiff_t step = 0, sheet = 0;       // from one position to the next, from one row of them to the next
    bool value = false;
    bool signs = false; // for the dual kernel of the sum (dual_of_sum): C of the sum may be negative
};
// minus, plus, tangent of sum over terms. With e = |l| norm(x) / a - |r| norm(y) / b and w = l norm(x) r norm(y),
//   gap:   minus = sum scale (|w| (minus or plus of x, y) / (a b) + e^2), plus likewise with the opposite one.
template <class Real> void linear(const LinearRow<Real>& row);

// C of normalised gaps, in place.
template <class Real> struct ValueRow {
    std::size_t sheets = 1, positions = 1, lanes = 0;
    Moving<Real> left_norm, right_norm;
    Real* data = nullptr;
    std::ptrdiff_t step = 0, sheet = 0; // from one position to the next, from one row of them to the next
};
template <class Real> void values(const ValueRow<Real>& row);

// |x - y|^2 and |x + y|^2 of finite vectors of length 1: out of `length` numbers, y by [coordinate][lane]. Without `plus`
// |x - y|^2 = 2 - 2 x y, which cancels.
template <class Real> struct GramRow {
    std::size_t positions = 1, length = 0, lanes = 0;
    const Real* left = nullptr; // [coordinate]
    const Real* right = nullptr;
    std::size_t right_stride = 0; // lanes from one coordinate to the next
    Real* minus = nullptr;
    Real* plus = nullptr;
    std::ptrdiff_t left_step = 0, right_step = 0, step = 0; // from one position to the next
    std::size_t samples = 1;                                // left ones
    std::ptrdiff_t left_sample = 0, sample = 0;             // from one of them to the next
};
inline constexpr std::size_t most_samples = 4; // at once: what right samples are loaded once for
template <class Real> void gram(const GramRow<Real>& row);

// The dual kernel of p1 z + p2 |z| (relu, leaky_relu, abs, the identity) of centred Gaussians, both sides the same.
template <class Real> struct HomogeneousRow {
    std::size_t count = 0;         // positions * lanes
    Real linear = 0, absolute = 0; // p1^2, p2^2
    const Real* minus = nullptr;
    const Real* plus = nullptr; // null: 4 - minus
    const Real* tangent = nullptr;
    Real* out_minus = nullptr;
    Real* out_plus = nullptr;    // null: not wanted
    Real* out_tangent = nullptr; // null: not wanted; tangent * E[phi' phi']
};
template <class Real> void homogeneous(const HomogeneousRow<Real>& row);

// Mehler's series of one function on both sides: values and slopes by [term], those of the parities that do not vanish; left
// numbers, right lanes.
template <class Real> struct SeriesRow {
    std::size_t lanes = 0;
    std::size_t terms = 0;
    bool even = true, odd = true;             // terms of phi that do not vanish
    bool slope_even = true, slope_odd = true; // of phi'
    const Real* left_values = nullptr;        // h_k / norm
    const Real* left_slopes = nullptr;        // of phi', not normalised
    const Real* right_values = nullptr;       // [term][lane]
    const Real* right_slopes = nullptr;
    const Real* left_squares = nullptr;  // sums of left_values^2 over even and over odd terms
    const Real* right_squares = nullptr; // [parity][lane]
    std::size_t right_stride = 0;
    const Real* minus = nullptr;
    const Real* plus = nullptr;
    const Real* tangent = nullptr;
    Real* out_minus = nullptr;
    Real* out_plus = nullptr;
    Real* out_tangent = nullptr;
};
template <class Real> void series(const SeriesRow<Real>& row);

// The dual kernel of p0 + p3 erf(z / sqrt(2 blur)) (p3 sign z without blur) of centred Gaussians, both sides the same. The
// numbers of samples are gaussian::ArcsineFeatures.
template <class Real> struct ArcsineRow {
    std::size_t lanes = 0;
    Real constant = 0, scale = 0, blur = 0; // p0^2, 2/pi p3^2
    const Real* left = nullptr;
    const Real* right = nullptr; // [number][lane]
    std::size_t right_stride = 0;
    const Real* minus = nullptr;
    const Real* plus = nullptr; // null: 4 - minus
    const Real* tangent = nullptr;
    Real* out_minus = nullptr;
    Real* out_plus = nullptr;    // null: not wanted
    Real* out_tangent = nullptr; // null: not wanted; tangent * E[phi' phi']
    // For the dual kernel of a sum: how `left` and `right` move along the positions and rows of them.
    std::ptrdiff_t left_step = 0, left_sheet = 0, right_step = 0, right_sheet = 0;
};
template <class Real> void arcsine(const ArcsineRow<Real>& row);

// What a linear row would write (with `gap` and T, not `value`) through a dual kernel at once: `row` says where to, `dual`
// what it is, and of which samples.
template <class Real> void dual_of_sum(const LinearRow<Real>& row, const HomogeneousRow<Real>& dual);
template <class Real> void dual_of_sum(const LinearRow<Real>& row, const ArcsineRow<Real>& dual);
// The same from C to C (`row` with `value`), for a function with blur, in half the time. It has lost digits where |rho| of
// the sum exceeds 1 - least_apart / 2: `apart`, by lane, is lowered to what is left to that, below 0 there.
inline constexpr double least_apart = 1e-3;
template <class Real> void value_of_sum(const LinearRow<Real>& row, const ArcsineRow<Real>& dual, Real* apart);

// E[Z^2] of one element by sample: sum over terms of weight * factors * (value - less). Pointers are by lane, null: 1, for
// `less` 0. Lanes are samples as they come, in any number.
template <class Real> struct MomentTerm {
    Real weight = 1;
    const Real* value = nullptr;
    const Real* less = nullptr;
    std::array<const Real*, 3> factors{};
};
template <class Real> struct MomentRow {
    std::size_t lanes = 0;
    const MomentTerm<Real>* terms = nullptr;
    std::size_t count = 0;
    Real* second = nullptr; // E[Z^2], at least 0
    Real* norm = nullptr;   // its root
    Real* minus = nullptr;  // the gaps of the element to itself and to its opposite: 0 and 4 E[Z^2]
    Real* plus = nullptr;
};
// Whether all are finite.
template <class Real> bool moments(const MomentRow<Real>& row);

// The instruction set in use: "AVX3", "AVX2", "SSE4" ...
const char* instruction_set();

} // namespace tpc::rows
