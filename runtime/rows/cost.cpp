#include "runtime/rows/cost.hpp"

#include "runtime/gaussian/correlation.hpp"
#include "runtime/rows/rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/rows/cost.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <chrono>

HWY_BEFORE_NAMESPACE();
namespace tpc::rows {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Enough chains to hide the latency of a fused multiply-add. Returns the number of operations; `sink` keeps them alive.
template <class Real> double multiply_add(Real* sink) {
    constexpr int turns = 100'000;
    const hn::CappedTag<Real, lane_step<Real>> d;
    const auto factor = hn::Set(d, Real(0.999));
    const auto term = hn::Set(d, Real(0.001));
    auto a0 = hn::Set(d, Real(0.1)), a1 = hn::Set(d, Real(0.2)), a2 = hn::Set(d, Real(0.3)), a3 = hn::Set(d, Real(0.4));
    auto a4 = hn::Set(d, Real(0.5)), a5 = hn::Set(d, Real(0.6)), a6 = hn::Set(d, Real(0.7)), a7 = hn::Set(d, Real(0.8));
    for (int k = 0; k < turns; ++k) {
        a0 = hn::MulAdd(a0, factor, term);
        a1 = hn::MulAdd(a1, factor, term);
        a2 = hn::MulAdd(a2, factor, term);
        a3 = hn::MulAdd(a3, factor, term);
        a4 = hn::MulAdd(a4, factor, term);
        a5 = hn::MulAdd(a5, factor, term);
        a6 = hn::MulAdd(a6, factor, term);
        a7 = hn::MulAdd(a7, factor, term);
    }
    const auto low = hn::Add(hn::Add(a0, a1), hn::Add(a2, a3));
    const auto high = hn::Add(hn::Add(a4, a5), hn::Add(a6, a7));
    *sink = hn::GetLane(hn::SumOfLanes(d, hn::Add(low, high)));
    return 2.0 * 8 * turns * static_cast<double>(hn::Lanes(d));
}
double multiply_add_f32(float* sink) {
    return multiply_add(sink);
}
double multiply_add_f64(double* sink) {
    return multiply_add(sink);
}

} // namespace HWY_NAMESPACE
} // namespace tpc::rows
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tpc::rows {

HWY_EXPORT(multiply_add_f32);
HWY_EXPORT(multiply_add_f64);

template <class Real> double peak_rate() {
    double best = 0;
    for (int run = 0; run < 3; ++run) { // the fastest: others may use the core
        Real sink = 0;
        const auto start = std::chrono::steady_clock::now();
        double operations = 0;
        if constexpr (sizeof(Real) == 4)
            operations = HWY_DYNAMIC_DISPATCH(multiply_add_f32)(&sink);
        else
            operations = HWY_DYNAMIC_DISPATCH(multiply_add_f64)(&sink);
        [[maybe_unused]] volatile Real kept = sink;
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        best = std::max(best, operations / elapsed.count());
    }
    return best;
}
template double peak_rate<float>();
template double peak_rate<double>();

template <class Real> std::optional<double> arithmetic(const gaussian::Shape& shape) {
    using Polynomials = gaussian::AnglePolynomials<Real>;
    switch (shape.kind) {
    case gaussian::Shape::Kind::homogeneous: // two polynomials of the angle, a root, the gaps, T
        return 2.0 * (Polynomials::angle_terms + Polynomials::lens_terms) + 20;
    case gaussian::Shape::Kind::series: // value and slope in powers of rho and of the gaps
        return 8.0 * static_cast<double>(shape.terms) + 10;
    case gaussian::Shape::Kind::arcsine: // a polynomial, a root and a quotient, the gap beside small angles
        return 2.0 * Polynomials::arctangent_terms + 100;
    case gaussian::Shape::Kind::other:
        break;
    }
    return std::nullopt;
}
template std::optional<double> arithmetic<float>(const gaussian::Shape&);
template std::optional<double> arithmetic<double>(const gaussian::Shape&);

} // namespace tpc::rows
#endif
