#include "bench/execution/fused_mlp.hpp"

#include "runtime/gaussian/correlation.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::bench {
namespace {

constexpr std::size_t lanes = 64;

// With t = 1 - rho the map of one layer is t' = t - lens(theta) / pi, and E[step step] = (1 - theta / pi) / 2.
template <class Real>
void layers_of(Real* __restrict t, Real* __restrict ntk, int layers, const gaussian::AnglePolynomials<Real>& polynomials) {
    constexpr Real over_pi = std::numbers::inv_pi_v<Real>;
    for (std::size_t k = 0; k < lanes; ++k)
        ntk[k] = 1 - t[k];
    for (int l = 1; l < layers; ++l)
#pragma omp simd
        for (std::size_t k = 0; k < lanes; ++k) {
            const bool positive = t[k] <= 1;
            const Real near = positive ? t[k] : 2 - t[k];
            const Real w = near / 2;
            const Real s = std::sqrt(w);
            const Real x = 4 * w - 1;
            const Real theta = s * gaussian::horner(polynomials.angle, x);
            const Real lens = w * s * gaussian::horner(polynomials.lens, x);
            const Real even = near - 2 * over_pi * lens; // of E|a||b|
            const Real signs = positive ? 1 - 2 * over_pi * theta : 2 * over_pi * theta - 1;
            t[k] = (even + t[k]) / 2;
            ntk[k] = (1 - t[k]) + ntk[k] * (1 + signs) / 2;
        }
}

} // namespace

template <class Real> double fused_relu_mlp(const std::vector<double>& x, std::size_t samples, std::size_t d, int layers) {
    const std::size_t padded = (samples + lanes - 1) / lanes * lanes;
    std::vector<Real> unit(padded * d, 0);
    std::vector<Real> norm(padded, 0);
    for (std::size_t s = 0; s < samples; ++s) {
        double square = 0;
        for (std::size_t k = 0; k < d; ++k)
            square += x[s * d + k] * x[s * d + k];
        norm[s] = static_cast<Real>(std::sqrt(2 * square / static_cast<double>(d)));
        for (std::size_t k = 0; k < d; ++k)
            unit[k * padded + s] = static_cast<Real>(x[s * d + k] / std::sqrt(square));
    }
    const auto& polynomials = gaussian::AnglePolynomials<Real>::instance();
    double total = 0;
    std::vector<double> kernel(samples * samples);
    Real t[lanes];
    Real ntk[lanes];
    for (std::size_t block = 0; block < padded; block += lanes)
        for (std::size_t i = 0; i < std::min(samples, block + lanes); ++i) {
            for (Real& value : t)
                value = 0;
            for (std::size_t k = 0; k < d; ++k) {
                const Real a = unit[k * padded + i];
                const Real* b = unit.data() + k * padded + block;
                for (std::size_t j = 0; j < lanes; ++j)
                    t[j] += (a - b[j]) * (a - b[j]);
            }
            for (Real& value : t)
                value /= 2;
            layers_of(t, ntk, layers + 1, polynomials);
            for (std::size_t j = 0; j < lanes && block + j < samples; ++j)
                kernel[i * samples + block + j] = static_cast<double>(ntk[j] * norm[i] * norm[block + j] / 2);
        }
    for (std::size_t i = 0; i < samples; ++i)
        for (std::size_t j = i; j < samples; ++j)
            total += kernel[i * samples + j];
    return total;
}

template double fused_relu_mlp<double>(const std::vector<double>&, std::size_t, std::size_t, int);
template double fused_relu_mlp<float>(const std::vector<double>&, std::size_t, std::size_t, int);

} // namespace tpc::bench
