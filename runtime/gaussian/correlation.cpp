#include "runtime/gaussian/correlation.hpp"

#include <numbers>

namespace tpc::gaussian {

namespace {

// Chebyshev interpolation of f on [-1, 1], as a polynomial in powers of x, or of y in x = slope y - 1.
template <class Real, std::size_t N, class F> std::array<Real, N> interpolate(F f, long double slope = 0) {
    std::array<long double, N> values{}, powers{}, previous{}, current{};
    const auto node = [](std::size_t j) {
        return std::cos(std::numbers::pi_v<long double> * (static_cast<long double>(j) + 0.5L) /
                        static_cast<long double>(N));
    };
    for (std::size_t j = 0; j < N; ++j)
        values[j] = f(node(j));
    current[0] = 1; // T_0, then T_{k+1} = 2x T_k - T_{k-1}
    for (std::size_t k = 0; k < N; ++k) {
        long double coefficient = 0;
        for (std::size_t j = 0; j < N; ++j)
            coefficient += values[j] * std::cos(static_cast<long double>(k) * std::acos(node(j)));
        coefficient *= (k == 0 ? 1.0L : 2.0L) / static_cast<long double>(N);
        for (std::size_t i = 0; i < N; ++i)
            powers[i] += coefficient * current[i];
        std::array<long double, N> next{};
        for (std::size_t i = 0; i + 1 < N; ++i)
            next[i + 1] = (k == 0 ? 1 : 2) * current[i];
        for (std::size_t i = 0; i < N; ++i)
            next[i] -= previous[i];
        previous = current;
        current = next;
    }
    if (slope != 0) { // by Horner's rule for p(slope y - 1)
        std::array<long double, N> shifted{};
        for (std::size_t k = N; k-- > 0;) {
            for (std::size_t i = N; i-- > 0;)
                shifted[i] = (i > 0 ? slope * shifted[i - 1] : 0) - shifted[i];
            shifted[0] += powers[k];
        }
        powers = shifted;
    }
    std::array<Real, N> result{};
    for (std::size_t i = 0; i < N; ++i)
        result[i] = static_cast<Real>(powers[i]);
    return result;
}

template <class Real> AnglePolynomials<Real> make() {
    AnglePolynomials<Real> result;
    using Own = AnglePolynomials<Real>;
    result.angle = interpolate<Real, Own::angle_terms>([](long double x) {
        const long double s = std::sqrt((x + 1) / 4);
        return 2 * std::asin(s) / s;
    });
    result.lens = interpolate<Real, Own::lens_terms>([](long double x) {
        const long double w = (x + 1) / 4;
        const long double s = std::sqrt(w);
        return (2 * s * std::sqrt(1 - w) - 2 * std::asin(s) * (1 - 2 * w)) / (w * s);
    });
    result.half_cosine = interpolate<Real, Own::half_cosine_terms>([](long double x) { return std::sqrt((3 - x) / 4); });
    constexpr long double tangent = 2 - std::numbers::sqrt3_v<long double>; // of pi/12
    result.arctangent = interpolate<Real, Own::arctangent_terms>(
        [](long double x) {
            const long double y = tangent * std::sqrt((x + 1) / 2);
            return std::atan(y) / y;
        },
        2 / (tangent * tangent));
    return result;
}

} // namespace

template <class Real> const AnglePolynomials<Real>& AnglePolynomials<Real>::instance() {
    static const AnglePolynomials polynomials = make<Real>();
    return polynomials;
}

template struct AnglePolynomials<float>;
template struct AnglePolynomials<double>;

} // namespace tpc::gaussian
