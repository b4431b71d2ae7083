// Activations with closed-form expectations, as sums of polynomial * exponential * error function.
#pragma once

#include <complex>
#include <optional>
#include <vector>

namespace tpc::gaussian {

using Complex = std::complex<double>;

// poly(z) * exp(offset + rate z - gauss z^2) * S(z - kink), where S(x) = erf(x / sqrt(2 blur)), sign(x) if blur = 0, and 1
// without `jump`. erf(z / sqrt(2 r)) = E sign(z + sqrt(r) n), n standard normal: error functions are blurred signs.
struct Group {
    double offset = 0; // kept in the exponent: narrow bumps far from 0 would underflow
    double gauss = 0;
    Complex rate = 0;
    bool jump = false;
    double blur = 0;
    double kink = 0;
    std::vector<Complex> poly; // coefficients of z^0, z^1 ...
};

// A sum of groups, no two alike but for their polynomials; real as a whole.
using Groups = std::vector<Group>;

inline constexpr std::size_t largest_power = 16;

// weight * delta(z - kink).
struct Spike {
    double weight = 0;
    double kink = 0;
};

// The derivative apart from its spikes, which are appended to `spikes` (one for every jump).
Groups derivative(const Groups& groups, std::vector<Spike>& spikes);

// f(-z).
Groups reflect(const Groups& groups);

// f(-z) = parity * f(z); 0 when neither.
int parity(const Groups& groups);

bool same(const Groups& a, const Groups& b);

} // namespace tpc::gaussian
