// Dual kernels in closed form; the equations are those of runtime/gaussian/piecewise.cpp, for normalised gaps.
#include "compiler/emit/prelude_texts.hpp"

namespace tpc::emit {

const char* const correlation_text = R"(// The gap t = 1 - |rho| in [0, 1] and the sign of rho.
struct Correlation {
    double gap, sign;
};
inline Correlation correlate(double minus, double plus) {
    const double nearer = 0.5 * (minus <= plus ? minus : plus);
    return {nearer > 0 ? (nearer < 1 ? nearer : 1.0) : 0.0, minus <= plus ? 1.0 : -1.0};
}

// A dual kernel: gaps of E[f(a) g(b)], and slope = E[f'(a) g'(b)], which is dE[f(a) g(b)] / dE[a b] (Price).
struct Dual {
    double minus, plus, slope;
};
)";

const char* const angle_text =
    R"(// theta = acos |rho| and lens = sin theta - theta cos theta from the gap t = 1 - |rho|: with w = t / 2, x = 4 w - 1,
//   theta = sqrt(w) P(x),  lens = sqrt(w)^3 Q(x),
// so that both keep their relative accuracy as t -> 0.
struct Angle {
    double theta, lens;
};
template <std::size_t k = 0, std::size_t N> inline double polynomial(const double (&terms)[N], double x) {
    if constexpr (k + 1 == N)
        return terms[k];
    else
        return terms[k] + x * polynomial<k + 1>(terms, x);
}
inline Angle angle(double gap) {
    const double w = 0.5 * gap, root = std::sqrt(w), x = 4 * w - 1;
    return {root * polynomial(angle_terms, x), w * root * polynomial(lens_terms, x)};
}
)";

const char* const homogeneous_text =
    R"(// f(z) = p1 z + p2 |z| and g(z) = q1 z + q2 |z|; a, b centred Gaussians. With E[|a| |b|] = |a| |b| (|rho| + 2/pi lens),
//   E[f g] = |a| |b| (p1 q1 rho + p2 q2 (|rho| + 2/pi lens)),  E[f' g'] = p1 q1 + p2 q2 sign(rho) (1 - 2/pi theta).
// For f = g the gaps of the even and of the odd part add up.
inline Dual homogeneous(double minus, double plus, double p1, double p2) {
    constexpr double over_pi = 0.3183098861837907;
    const Correlation rho = correlate(minus, plus);
    const Angle at = angle(rho.gap);
    const double all = p1 * p1 + p2 * p2;
    if (all == 0) // the function 0
        return {2, 2, 0};
    const double odd = p1 * p1 / all, even = p2 * p2 / all;
    const double down = even * std::max(2 * rho.gap - 4 * over_pi * at.lens, 0.0);
    return {down + odd * minus, 4 * even - down + odd * plus, p1 * p1 + p2 * p2 * rho.sign * (1 - 2 * over_pi * at.theta)};
}
inline Dual homogeneous(double minus, double plus, double p1, double p2, double q1, double q2) {
    constexpr double over_pi = 0.3183098861837907;
    const Correlation rho = correlate(minus, plus);
    const Angle at = angle(rho.gap);
    const double all = (p1 * p1 + p2 * p2) * (q1 * q1 + q2 * q2);
    if (all == 0)
        return {2, 2, 0};
    const double C =
        (p1 * q1 * rho.sign * (1 - rho.gap) + p2 * q2 * (1 - rho.gap + 2 * over_pi * at.lens)) / std::sqrt(all);
    return {std::max(2 * (1 - C), 0.0), std::max(2 * (1 + C), 0.0),
            p1 * q1 + p2 * q2 * rho.sign * (1 - 2 * over_pi * at.theta)};
}
)";

const char* const piecewise_text = R"(// f(z) = p0 + p1 z + p2 |z| + p3 sign z of a centred Gaussian.
using Piecewise = std::array<double, 4>;
inline double mean_of(const Piecewise& p, double norm) { return p[0] + p[2] * norm * std::sqrt(2 * 0.3183098861837907); }
inline double norm_of(const Piecewise& p, double norm) {
    const double live = norm > 0 ? 1 : 0, mean = norm * std::sqrt(2 * 0.3183098861837907); // E|a|
    return std::sqrt(std::max(0.0, p[0] * p[0] + p[3] * p[3] * live + 2 * (p[0] * p[2] + p[1] * p[3]) * mean +
                                       (p[1] * p[1] + p[2] * p[2]) * norm * norm));
}
// E[sign a sign b] = sign(rho) (1 - 2/pi theta), E[a sign b] = rho |a| sqrt(2/pi). Where f = g, the gap to 1 is E[(f(a) - f(b))^2]
// at equal scales, part by part.
inline Dual piecewise(double minus, double plus, double norm_a, double norm_b, const Piecewise& p, const Piecewise& q) {
    constexpr double over_pi = 0.3183098861837907;
    const double mean_abs = std::sqrt(2 * over_pi);
    const Correlation rho = correlate(minus, plus);
    const Angle at = angle(rho.gap);
    const double live_a = norm_a > 0 ? 1 : 0, live_b = norm_b > 0 ? 1 : 0, product = norm_a * norm_b;
    const double signs = live_a * live_b * rho.sign * (1 - 2 * over_pi * at.theta);
    const double abs_a = mean_abs * norm_a, abs_b = mean_abs * norm_b;
    const double scaled = mean_abs * rho.sign * (1 - rho.gap);
    const double C = p[0] * q[0] + p[1] * q[1] * product * rho.sign * (1 - rho.gap) + p[0] * q[2] * abs_b +
                     p[2] * q[0] * abs_a + p[2] * q[2] * product * (1 - rho.gap + 2 * over_pi * at.lens) +
                     scaled * (p[1] * q[3] * norm_a * live_b + p[3] * q[1] * norm_b * live_a) + p[3] * q[3] * signs;
    const double slope = p[1] * q[1] + p[2] * q[2] * signs;
    const double roots = norm_of(p, norm_a) * norm_of(q, norm_b);
    if (!(roots > 0))
        return {2, 2, slope};
    Dual result{2 * (1 - C / roots), 2 * (1 + C / roots), slope};
    if (p == q && live_a * live_b > 0) {
        const auto squared = [](double x) { return x * x; };
        const double apart = squared(norm_a - norm_b), between = squared(norm_of(p, norm_a) - norm_of(p, norm_b));
        const double near = 4 * over_pi * at.theta, far = 4 - near; // E[(sign a -+ sign b)^2]
        const bool positive = rho.sign > 0;
        const double even_down = p[2] * p[2] * std::max(product * (2 * rho.gap - 4 * over_pi * at.lens) + apart, 0.0);
        const double mixed = 2 * p[1] * p[3] * (abs_a + abs_b);
        const double down = even_down + p[1] * p[1] * (product * minus + apart) + p[3] * p[3] * (positive ? near : far) +
                            mixed * (positive ? rho.gap : 2 - rho.gap);
        result.minus = (down - between) / roots;
        if (p[0] == 0 && p[2] == 0) { // odd
            const double up = p[1] * p[1] * (product * plus + apart) + p[3] * p[3] * (positive ? far : near) +
                              mixed * (positive ? 2 - rho.gap : rho.gap);
            result.plus = (up - between) / roots;
        }
    }
    result.minus = std::max(result.minus, 0.0);
    result.plus = std::max(result.plus, 0.0);
    return result;
}
)";

} // namespace tpc::emit
