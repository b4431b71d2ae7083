#include "runtime/gaussian/dual.hpp"

#include "runtime/gaussian/methods.hpp"
#include "runtime/gaussian/moments.hpp"

#include <boost/math/quadrature/gauss_kronrod.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::gaussian {

namespace {

// E[phi(m + s z)] by adaptive quadrature; nothing when the estimate of the error stays above the tolerance.
std::optional<double> quadrature(const Tape& phi, double variance, double mean, double tolerance) {
    const double deviation = std::sqrt(variance);
    const auto integrand = [&](double z) {
        return phi(mean + deviation * z) * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    };
    constexpr double extent = 20;
    double sum = 0, total_error = 0, magnitude = 0;
    for (double begin = -extent; begin < extent; begin += 5) {
        double error = 0, norm = 0;
        sum += boost::math::quadrature::gauss_kronrod<double, 31>::integrate(integrand, begin, begin + 5, 14, 1e-14, &error,
                                                                             &norm);
        total_error += error;
        magnitude += norm;
    }
    const double edge = std::max(std::abs(integrand(extent)), std::abs(integrand(-extent)));
    if (!std::isfinite(sum) || edge > tolerance * magnitude || total_error > std::max(tolerance, 1e-12) * magnitude)
        return std::nullopt;
    return sum;
}

} // namespace

template <class Real>
std::unique_ptr<Dual<Real>> make_dual(const Activation& phi, const Activation& psi, const Regime& regime,
                                      const DualOptions& options, std::string* reason) {
    std::string unused;
    std::string& why = reason ? *reason : unused;
    Sides sides;
    auto left = analyse(phi, &why);
    if (!left)
        return nullptr;
    sides.phi = std::make_shared<Univariate>(std::move(*left));
    if (phi.table == psi.table && ir::same(*phi.table, phi.expression, psi.expression)) {
        sides.psi = sides.phi;
        sides.same = true;
    } else {
        auto right = analyse(psi, &why);
        if (!right)
            return nullptr;
        sides.psi = std::make_shared<Univariate>(std::move(*right));
        sides.same = sides.phi->groups && sides.psi->groups && same(*sides.phi->groups, *sides.psi->groups);
    }
    why.clear();
    if (auto dual = make_piecewise<Real>(sides, regime, options))
        return dual;
    if (auto dual = make_closed<Real>(sides, regime, options, &why))
        return dual;
    return make_hermite<Real>(sides, regime, options, &why);
}

template <class Real>
bool expectation(const Activation& phi, std::size_t count, const Real* variance, const Real* mean, Real* result,
                 double tolerance, std::string* reason) {
    const auto function = analyse(phi, reason);
    if (!function)
        return false;
    double rate = 0; // exp on a half line is a difference of terms as large as E[exp]
    if (function->groups)
        for (const Group& group : *function->groups)
            if (group.jump)
                rate = std::max(rate, std::abs(group.rate));
    const bool has_groups = function->groups && has_closed_form(*function->groups, {});
    for (std::size_t i = 0; i < count; ++i) {
        const double A = static_cast<double>(variance[i]), m = mean ? static_cast<double>(mean[i]) : 0;
        if (A <= 0) {
            result[i] = static_cast<Real>((*function->value)(m));
            continue;
        }
        const bool closed = has_groups && rate * rate * A / 2 + rate * std::abs(m) < 5;
        const std::optional<double> value =
            closed ? std::optional<double>(first_moment(*function, m, A)) : quadrature(*function->value, A, m, tolerance);
        if (!value || !std::isfinite(*value)) {
            if (reason)
                *reason =
                    fmt::format("its mean under a Gaussian of mean {:.3g} and variance {:.3g} does not exist or cannot be "
                                "computed to {:.1g}",
                                m, A, tolerance);
            return false;
        }
        result[i] = static_cast<Real>(*value);
    }
    return true;
}

template std::unique_ptr<Dual<float>> make_dual(const Activation&, const Activation&, const Regime&, const DualOptions&,
                                                std::string*);
template std::unique_ptr<Dual<double>> make_dual(const Activation&, const Activation&, const Regime&, const DualOptions&,
                                                 std::string*);
template bool expectation(const Activation&, std::size_t, const float*, const float*, float*, double, std::string*);
template bool expectation(const Activation&, std::size_t, const double*, const double*, double*, double, std::string*);

} // namespace tpc::gaussian
