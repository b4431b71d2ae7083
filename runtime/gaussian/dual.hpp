// Dual kernels: expectations of products of coordinatewise functions of two Gaussians (limits.md section 5).
#pragma once

#include "compiler/ir/expression.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace tpc::gaussian {

// An expectation that is infinite or undefined, whatever the method.
struct NoExpectation : std::domain_error {
    using std::domain_error::domain_error;
};

// (a, b) ~ Gaussian with means mean_a, mean_b and variances A, B. The covariance c is carried as its gaps to equality and to
// opposition, which stay accurate where a and b are (nearly) multiples of one another:
//   minus = 2 (sqrt(AB) - c),  plus = 2 (sqrt(AB) + c),  c = (plus - minus) / 4.
// They are the variances of k b -+ a / k with k^4 = A / B; for A = B those of the difference and of the sum.
// Arrays of `count` lanes; a pointer with stride 0 is one value for all lanes.
template <class Real> struct Lanes {
    const Real* data = nullptr;
    std::size_t stride = 1; // 0 or 1
    Real operator[](std::size_t i) const { return data[i * stride]; }
};

template <class Real> struct Gaussians {
    std::size_t count = 0;
    Lanes<Real> variance_a, variance_b;
    Lanes<Real> mean_a, mean_b; // data == nullptr: zero means
    Lanes<Real> minus, plus;
};

// What a dual kernel gives for each lane; null pointers are not wanted. Second moments, not centred:
//   minus, plus = 2 (sqrt(E[phi^2] E[psi^2]) -+ value), value = E[phi(a) psi(b)] = (plus - minus) / 4,
//   slope = E[phi'(a) psi'(b)] (jumps of phi, psi contribute nothing).
template <class Real> struct DualResult {
    Real* value = nullptr;
    Real* minus = nullptr;
    Real* plus = nullptr;
    Real* slope = nullptr;
};

// A coordinatewise function of one Gaussian: an expression over `variable 0` and numbers.
struct Activation {
    const ir::ExprTable* table = nullptr;
    ir::ExprId expression{};
};

// Per-sample features of an activation at one Gaussian (Hermite coefficients, or nothing for closed forms), computed once
// per sample and vector and reused for every pair. Layout: features[k * stride + lane].
struct DualOptions {
    double tolerance = 1e-8; // relative to sqrt(E[phi^2] E[psi^2])
};

// What a dual kernel of one function on both sides is to the row operations (runtime/rows).
struct Shape {
    enum class Kind {
        other,
        homogeneous, // p1 z + p2 |z|, zero means
        series,      // Mehler's
        arcsine,     // p0 + p3 erf(z / sqrt(2 blur)), sign(z) for no blur, zero means
    } kind = Kind::other;
    double linear = 0, absolute = 0;          // p1^2, p2^2
    double constant = 0, scale = 0, blur = 0; // p0^2, 2/pi p3^2
    bool nonnegative = false;                 // phi >= 0, and so is every C
    std::size_t terms = 0;
    std::array<bool, 2> values{true, true}, slopes{true, true}; // even and odd terms that do not vanish
    // Of a smooth series, h_k = s d_{k-1} / sqrt(k): beyond |rho| = reach[b] the terms of slopes from number
    // (b + 1) series_block on count, among those of the parities that do not vanish. Empty: a series of its own for values.
    std::vector<double> reach;
};
inline constexpr std::size_t series_block = 4;

// What an arcsine needs of each Gaussian, as features in this order: with sin alpha = A / (A + blur),
// K = E[phi^2] = p0^2 + 2/pi p3^2 alpha.
struct ArcsineFeatures {
    enum : std::size_t {
        root,    // sqrt(sin alpha)
        sine,    // sin(alpha / 2)
        cosine,  // cos(alpha / 2)
        rest,    // sqrt(1 - sin alpha)
        norm,    // sqrt K
        inverse, // 1 / sqrt K, 0 for 0
        angle,   // K - p0^2
        count,
    };
};

// A method for one pair (phi, psi), chosen when the plan is made. Thread-safe after construction.
template <class Real> class Dual {
  public:
    virtual ~Dual() = default;
    // Number of features per sample for the left and the right function (0 for closed forms).
    [[nodiscard]] virtual std::size_t features() const = 0;
    // features of phi (side 0) or psi (side 1) at `count` Gaussians of the given variances and means (may be null).
    virtual void prepare(int side, std::size_t count, const Real* variance, const Real* mean, Real* features,
                         std::size_t stride) const = 0;
    // left.data points at feature 0 of the left sample(s), feature k at data[k * left_stride].
    struct Features {
        Lanes<Real> data;
        std::size_t stride = 0;
    };
    virtual void evaluate(const Gaussians<Real>& gaussians, Features left, Features right,
                          const DualResult<Real>& result) const = 0;
    [[nodiscard]] virtual Shape shape() const { return {}; }
    // "closed form (arc-cosine)", "Hermite series, 40 terms" ... for plans
    [[nodiscard]] virtual std::string method() const = 0;
};

// Range of variances and means that the dual will be asked for: the term count of a series depends on it.
struct Regime {
    double largest_variance = 1;
    double largest_mean = 0;
};
// To powers of two: one dual kernel then serves many laws. What grows nearly as fast as a Gaussian falls may have a second
// moment in a regime and none in the rounded one.
Regime rounded_up(const Regime& regime);

// Null with a reason when no method meets the tolerance (kinked and not in closed form, ...).
template <class Real>
std::unique_ptr<Dual<Real>> make_dual(const Activation& phi, const Activation& psi, const Regime& regime,
                                      const DualOptions& options, std::string* reason);

// E[phi(a)], a ~ N(mean, variance), for `count` lanes (mean may be null).
template <class Real>
bool expectation(const Activation& phi, std::size_t count, const Real* variance, const Real* mean, Real* result,
                 double tolerance, std::string* reason);

} // namespace tpc::gaussian
