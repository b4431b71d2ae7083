// Arithmetic of complex numbers in inner loops.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <complex>

namespace tpc::joint {

using Complex = std::complex<double>;

inline Complex dot(const Eigen::VectorXcd& x, const Eigen::VectorXcd& y) {
    return x.cwiseProduct(y).sum();
}

inline Complex multiply(Complex a, Complex b) { // without the care for infinities
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}
inline Complex inverse(Complex a) {
    const double norm = a.real() * a.real() + a.imag() * a.imag();
    return {a.real() / norm, -a.imag() / norm};
}
inline Complex root(Complex a) { // of a positive real part
    const double x = std::sqrt((std::sqrt(a.real() * a.real() + a.imag() * a.imag()) + a.real()) / 2);
    return {x, a.imag() / (2 * x)};
}
inline Complex arctangent(Complex a) {
    const double x = a.real(), y = a.imag();
    return {std::atan2(2 * x, 1 - x * x - y * y) / 2,
            std::log((x * x + (1 + y) * (1 + y)) / (x * x + (1 - y) * (1 - y))) / 4};
}

} // namespace tpc::joint
