#include "runtime/gaussian/moments.hpp"

#include <boost/math/special_functions/owens_t.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>

namespace tpc::gaussian {

namespace {

using std::numbers::pi;

// The law of (a, b), with complex means after a complex exponential tilt.
template <class T> struct Law {
    T mean_a, mean_b;
    double variance_a, variance_b, covariance, gap;
    double noise; // rounding error of the means
};

// E[a^p b^q F(a) G(b)], p and q at most largest_power + 2, and the sums of the absolute values of what was added up.
template <class T> struct Table {
    T at[largest_power + 3][largest_power + 3];
    double size[largest_power + 3][largest_power + 3];
};

// S_r(z - kink), or 1.
struct Factor {
    bool present = false;
    double blur = 0;
    double kink = 0;
};

double sign(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}

// E[S(x)] for x of the given mean and variance (blur included).
double blurred_sign(double mean, double variance) {
    return variance > 0 ? std::erf(mean / std::sqrt(2 * variance)) : sign(mean);
}

// mean - kink, 0 when that is rounding: a sign is taken of it.
double distance(double mean, double kink, double noise) {
    const double difference = mean - kink;
    return std::abs(difference) <= noise ? 0 : difference;
}

double normal_cdf(double x) {
    return std::erfc(-x / std::numbers::sqrt2) / 2;
}

// E[sign(x) sign(y)] by Owen's T function; gap = var_x var_y - covariance^2.
double sign_pair(double mean_x, double mean_y, double var_x, double var_y, double covariance, double gap) {
    if (var_x <= 0 || var_y <= 0)
        return blurred_sign(mean_x, var_x) * blurred_sign(mean_y, var_y);
    if (mean_x == 0 && mean_y == 0)
        return 2 / pi * std::atan2(covariance, std::sqrt(std::max(gap, 0.0)));
    const double h = mean_x / std::sqrt(var_x);
    const double k = mean_y / std::sqrt(var_y);
    const double complement = std::clamp(gap / (var_x * var_y), 0.0, 1.0); // 1 - rho^2
    const bool positive = covariance >= 0;
    if (complement == 0)
        return positive ? 1 - 2 * std::abs(normal_cdf(h) - normal_cdf(k)) : 2 * std::abs(normal_cdf(h) - normal_cdf(-k)) - 1;
    const double root = std::sqrt(complement);
    const double rho = std::abs(covariance) / (std::sqrt(var_x) * std::sqrt(var_y));
    const double near = rho < 0.5 ? 1 - rho : complement / (1 + std::sqrt(1 - complement)); // 1 - |rho|
    const double s = positive ? 1 : -1;
    const auto owen = [&](double first, double second) { // T(first, (second - rho first) / (first root))
        if (first == 0)
            return sign(second) / 4;
        return boost::math::owens_t(first, (second - s * first + s * near * first) / (first * root));
    };
    const bool opposite = h * k < 0 || (h * k == 0 && h + k < 0);
    return 1 - 4 * owen(h, k) - 4 * owen(k, h) - (opposite ? 2 : 0);
}

// Times the density of a + sqrt(r) n at k: the law given that, and the weight.
template <class T> Law<T> condition_a(const Law<T>& law, double r, double k) {
    const double total = law.variance_a + r;
    const T shift = (k - law.mean_a) / total;
    return {law.mean_a + law.variance_a * shift,
            law.mean_b + law.covariance * shift,
            law.variance_a * r / total,
            (law.gap + law.variance_b * r) / total,
            law.covariance * r / total,
            law.gap * r / total,
            law.noise + 4e-16 * (std::abs(law.mean_a) + std::abs(law.mean_b) + std::abs(k))};
}

template <class T> Law<T> swapped(const Law<T>& law) {
    return {law.mean_b, law.mean_a, law.variance_b, law.variance_a, law.covariance, law.gap, law.noise};
}

double density(double x, double mean, double variance) {
    return std::exp(-(x - mean) * (x - mean) / (2 * variance)) / std::sqrt(2 * pi * variance);
}

// Stein's lemma, E[a F] = mean_a E[F] + Var(a) E[F_a] + Cov(a, b) E[F_b], lowers the powers; S' = 2 * density.
template <class T> void fill(Table<T>& table, std::size_t P, std::size_t Q, Factor f, Factor g, const Law<T>& law) {
    const double A = law.variance_a, B = law.variance_b, c = law.covariance;
    Table<T> spike_f, spike_g;
    double weight_f = 0, weight_g = 0;
    auto& at = table.at;
    auto& size = table.size;
    at[0][0] = 1;
    size[0][0] = 1; // of probabilities from differences
    if constexpr (std::is_same_v<T, double>) {
        if (f.present && g.present)
            at[0][0] = sign_pair(distance(law.mean_a, f.kink, law.noise), distance(law.mean_b, g.kink, law.noise),
                                 A + f.blur, B + g.blur, c, law.gap + f.blur * B + g.blur * A + f.blur * g.blur);
        else if (f.present)
            at[0][0] = blurred_sign(distance(law.mean_a, f.kink, law.noise), A + f.blur);
        else if (g.present)
            at[0][0] = blurred_sign(distance(law.mean_b, g.kink, law.noise), B + g.blur);
        if (!(f.present && g.present) || (law.mean_a == f.kink && law.mean_b == g.kink))
            size[0][0] = std::abs(at[0][0]);
        if (f.present && A + f.blur > 0 && P + Q > 0) {
            weight_f = 2 * density(f.kink, law.mean_a, A + f.blur);
            fill(spike_f, P, Q, Factor{}, g, condition_a(law, f.blur, f.kink));
        }
        if (g.present && B + g.blur > 0 && P + Q > 0) {
            weight_g = 2 * density(g.kink, law.mean_b, B + g.blur);
            fill(spike_g, P, Q, f, Factor{}, swapped(condition_a(swapped(law), g.blur, g.kink)));
        }
    }
    for (std::size_t q = 0; q <= Q; ++q)
        for (std::size_t p = q == 0 ? 1 : 0; p <= P; ++p) {
            T sum = 0;
            double total = 0;
            const auto add = [&](auto factor, const Table<T>& from, std::size_t i, std::size_t j) {
                sum += factor * from.at[i][j];
                total += std::abs(factor) * from.size[i][j];
            };
            if (p > 0) {
                add(law.mean_a, table, p - 1, q);
                if (p > 1)
                    add(A * static_cast<double>(p - 1), table, p - 2, q);
                if (q > 0)
                    add(c * static_cast<double>(q), table, p - 1, q - 1);
                if (weight_f != 0)
                    add(A * weight_f, spike_f, p - 1, q);
                if (weight_g != 0)
                    add(c * weight_g, spike_g, p - 1, q);
            } else {
                add(law.mean_b, table, 0, q - 1);
                if (q > 1)
                    add(B * static_cast<double>(q - 1), table, 0, q - 2);
                if (weight_g != 0)
                    add(B * weight_g, spike_g, 0, q - 1);
                if (weight_f != 0)
                    add(c * weight_f, spike_f, 0, q - 1);
            }
            size[p][q] = total;
            at[p][q] = sum;
        }
}

template <class T> T coefficient(Complex value) {
    if constexpr (std::is_same_v<T, double>)
        return value.real();
    else
        return value;
}

// E[f(a) g(b)] of two groups: the exponentials change the law, a table of moments does the rest.
template <class T> T pair(const Group& f, const Group& g, const Bivariate& given, double* size) {
    const double A = given.variance_a, B = given.variance_b, c = given.covariance;
    const T x = coefficient<T>(f.rate), y = coefficient<T>(g.rate);
    Law<T> law{given.mean_a, given.mean_b, A, B, c, given.gap, 0};
    T exponent = f.offset + g.offset + x * given.mean_a + y * given.mean_b;
    if (x == -y)
        exponent += 0.5 * x * x * given.minus;
    else if (x == y)
        exponent += 0.5 * x * x * given.plus;
    else
        exponent += 0.5 * (x * x * A + y * y * B) + x * y * c;
    law.mean_a += A * x + c * y;
    law.mean_b += c * x + B * y;
    law.noise = 4e-16 * (std::abs(A * x) + std::abs(c * y) + std::abs(c * x) + std::abs(B * y));

    const double s = 2 * f.gauss, t = 2 * g.gauss;
    double factor = 1;
    if (s != 0 || t != 0) {
        const double det = 1 + s * A + t * B + s * t * given.gap;
        const T mean_a = ((1 + t * B) * law.mean_a - t * c * law.mean_b) / det;
        const T mean_b = ((1 + s * A) * law.mean_b - s * c * law.mean_a) / det;
        exponent -= 0.5 * (s * law.mean_a * mean_a + t * law.mean_b * mean_b);
        law = {mean_a,
               mean_b,
               (A + t * given.gap) / det,
               (B + s * given.gap) / det,
               c / det,
               given.gap / det,
               law.noise + 4e-16 * (std::abs(law.mean_a) + std::abs(law.mean_b))};
        factor = 1 / std::sqrt(det);
    }
    Table<T> table;
    fill(table, f.poly.size() - 1, g.poly.size() - 1, Factor{f.jump, f.blur, f.kink}, Factor{g.jump, g.blur, g.kink}, law);
    T sum = 0;
    double total = 0;
    for (std::size_t p = 0; p < f.poly.size(); ++p)
        for (std::size_t q = 0; q < g.poly.size(); ++q)
            if (f.poly[p] != 0.0 && g.poly[q] != 0.0) {
                const T both = coefficient<T>(f.poly[p]) * coefficient<T>(g.poly[q]);
                sum += both * table.at[p][q];
                total += std::abs(both) * table.size[p][q];
            }
    const T scale = factor * std::exp(exponent);
    if (size != nullptr)
        *size += std::abs(scale) * total;
    return scale * sum;
}

bool is_complex(const Group& group) {
    return group.rate.imag() != 0 ||
           std::any_of(group.poly.begin(), group.poly.end(), [](Complex value) { return value.imag() != 0; });
}

} // namespace

Bivariate diagonal(double mean, double variance) {
    return {mean, mean, variance, variance, variance, 0, 0, 4 * variance};
}

bool has_closed_form(const Groups& f, const Groups& g) {
    const auto jump = [](const Group& group) { return group.jump; };
    for (const Groups* side : {&f, &g}) {
        const bool complex = std::any_of(side->begin(), side->end(), is_complex);
        if (complex && (std::any_of(f.begin(), f.end(), jump) || std::any_of(g.begin(), g.end(), jump)))
            return false;
    }
    return true;
}

double expectation(const Groups& f, const Groups& g, const Bivariate& law, double* size) {
    double sum = 0;
    for (const Group& left : f)
        for (const Group& right : g)
            sum += is_complex(left) || is_complex(right) ? pair<Complex>(left, right, law, size).real()
                                                         : pair<double>(left, right, law, size);
    return sum;
}

double expectation(const Groups& f, double mean, double variance, double* size) {
    const Groups one{Group{0, 0, 0, false, 0, 0, {1.0}}};
    return expectation(f, one, Bivariate{mean, 0, variance, 0, 0, 0, variance, variance}, size);
}

double expectation(const Spike& spike, const Groups& g, const Bivariate& law) {
    if (law.variance_a <= 0)
        return 0;
    const Law<double> given = condition_a(
        Law<double>{law.mean_a, law.mean_b, law.variance_a, law.variance_b, law.covariance, law.gap, 0}, 0, spike.kink);
    return spike.weight * density(spike.kink, law.mean_a, law.variance_a) * expectation(g, given.mean_b, given.variance_b);
}

} // namespace tpc::gaussian
