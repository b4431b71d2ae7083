#include "runtime/gaussian/dual.hpp"

#include "runtime/gaussian/kinks.hpp"
#include "runtime/gaussian/line.hpp"
#include "runtime/gaussian/methods.hpp"
#include "runtime/gaussian/moments.hpp"
#include "runtime/gaussian/trials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tpc::gaussian {

namespace {

// Singularities count where a Gaussian of the regime may meet them: 1 / (1 + exp(z)) has none, tanh(1 / z) has a jump.
void find_singularities(Univariate& phi, const Regime& regime) {
    const double far = regime.largest_mean + 40 * std::sqrt(regime.largest_variance);
    if (!phi.smooth || phi.groups || !std::isfinite(far) || find_kinks(phi, -far, far).sharp.empty())
        return;
    phi.smooth = false;
    phi.culprit = "a singularity";
}

double power_above(double value) { // of two
    return value > 0 ? std::exp2(std::ceil(std::log2(value))) : 0;
}

} // namespace

Regime rounded_up(const Regime& regime) {
    return {power_above(regime.largest_variance), power_above(regime.largest_mean)};
}

template <class Real>
std::unique_ptr<Dual<Real>> make_dual(const Activation& phi, const Activation& psi, const Regime& regime,
                                      const DualOptions& options, std::string* reason) {
    std::string unused;
    std::string& why = reason ? *reason : unused;
    Sides sides;
    auto left = analyse(phi, &why);
    if (!left)
        return nullptr;
    find_singularities(*left, regime);
    sides.phi = std::make_shared<Univariate>(std::move(*left));
    if (phi.table == psi.table && ir::same(*phi.table, phi.expression, psi.expression)) {
        sides.psi = sides.phi;
        sides.same = true;
    } else {
        auto right = analyse(psi, &why);
        if (!right)
            return nullptr;
        find_singularities(*right, regime);
        sides.psi = std::make_shared<Univariate>(std::move(*right));
        sides.same = sides.phi->groups && sides.psi->groups && same(*sides.phi->groups, *sides.psi->groups);
    }
    why.clear();
    if (auto dual = make_arcsine<Real>(sides, regime, options))
        return dual;
    if (auto dual = make_piecewise<Real>(sides, regime, options))
        return dual;
    SeriesTrials trials(sides, regime);
    if (auto dual = make_short_series<Real>(sides, trials))
        return dual;
    if (auto dual = make_closed<Real>(sides, regime, options, &why))
        return dual;
    if (auto dual = make_hermite<Real>(sides, trials, options, &why))
        return dual;
    return make_quadrature<Real>(sides, regime, options, &why);
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
    Kinks kinks;
    bool searched = false;
    const auto quadrature = [&](double A, double m) -> std::optional<double> {
        if (!searched) {
            double far = 0;
            for (std::size_t k = 0; k < count; ++k)
                far = std::max(far, 40 * std::sqrt(std::max(static_cast<double>(variance[k]), 0.0)) +
                                        (mean ? std::abs(static_cast<double>(mean[k])) : 0));
            kinks = find_kinks(*function, -far, far);
            searched = true;
        }
        const LineMoments moments = line_moments(*function, kinks, A, m, std::clamp(tolerance / 100, 1e-12, 1e-6));
        return moments.converged ? std::optional<double>(moments.value) : std::nullopt;
    };
    const bool has_groups = function->groups && has_closed_form(*function->groups, {});
    for (std::size_t i = 0; i < count; ++i) {
        const double A = static_cast<double>(variance[i]), m = mean ? static_cast<double>(mean[i]) : 0;
        if (A <= 0) {
            result[i] = static_cast<Real>((*function->value)(m));
            continue;
        }
        const bool closed = has_groups && rate * rate * A / 2 + rate * std::abs(m) < 5;
        std::optional<double> value;
        if (double size = 0; closed) {
            value = first_moment(*function, m, A, size);
            if (4 * std::numeric_limits<double>::epsilon() * size > 1e-12 * std::abs(*value)) // far from where phi is not 0
                value.reset();
        }
        if (!value)
            value = quadrature(A, m);
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
