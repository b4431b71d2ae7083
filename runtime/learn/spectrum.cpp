#include "runtime/learn/spectrum.hpp"

#include "runtime/learn/problem.hpp"

#include <boost/math/tools/toms748_solve.hpp>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <new>

#include <lapacke.h>

namespace tpc::learn {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using io::Error;

constexpr double infinity = std::numeric_limits<double>::infinity();

// (1 - exp(-value time)) / value.
double filtered(double value, double time) {
    return value * time < std::numeric_limits<double>::min() ? time : -std::expm1(-value * time) / value;
}

} // namespace

io::Result<Spectrum> decompose(const MatrixXd& kernel) {
    if (auto error = problem_with(kernel))
        return *std::move(error);
    try {
        const auto n = static_cast<lapack_int>(kernel.rows());
        Spectrum spectrum{VectorXd(n), kernel};
        if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', n, spectrum.vectors.data(), n, spectrum.values.data()) != 0)
            return Error{"the eigenvalues of the kernel were not found: the iteration did not converge"};
        const double least = spectrum.values[0], largest = spectrum.values.cwiseAbs().maxCoeff();
        constexpr double unexplained = 1e-3;
        if (least < -unexplained * largest)
            return Error{fmt::format("the kernel is not positive semidefinite: its eigenvalues go from {:g} to {:g}", least,
                                     spectrum.values[n - 1])};
        spectrum.clipped = std::max(-least, 0.0);
        spectrum.values = spectrum.values.cwiseMax(0).reverse().eval();
        spectrum.vectors = spectrum.vectors.rowwise().reverse().eval();
        return spectrum;
    } catch (const std::bad_alloc&) {
        return Error{fmt::format("not enough memory for the eigenvectors of a kernel of {} samples", kernel.rows())};
    }
}

VectorXd power(const Spectrum& spectrum, const MatrixXd& targets) {
    return (spectrum.vectors.transpose() * targets).rowwise().squaredNorm();
}

double time_to(const Spectrum& spectrum, const VectorXd& power, double fraction) {
    const double target = fraction * power.sum();
    const auto excess = [&](double log_time) {
        return ((-2 * std::exp(log_time) * spectrum.values.array()).exp() * power.array()).sum() - target;
    };
    if (!(target > 0) || fraction >= 1)
        return 0;
    // Between a hundredth of the fastest and the time at which the slowest direction that counts is gone.
    const double largest = spectrum.values[0];
    double least = infinity;
    for (Index i = 0; i < power.size(); ++i)
        if (spectrum.values[i] > 0)
            least = spectrum.values[i];
    if (!(largest > 0))
        return infinity;
    const double low = std::log(-std::log(fraction) / 2 / largest) - 1, high = std::log((40 - std::log(fraction)) / least);
    if (excess(high) > 0)
        return infinity;
    std::uintmax_t steps = 200;
    const auto [from, to] =
        boost::math::tools::toms748_solve(excess, low, high, boost::math::tools::eps_tolerance<double>(40), steps);
    return std::exp((from + to) / 2);
}

double complexity(const Spectrum& spectrum, const VectorXd& power) {
    double sum = 0;
    for (Index i = 0; i < power.size(); ++i)
        if (power[i] > 0)
            sum += spectrum.values[i] > 0 ? power[i] / spectrum.values[i] : infinity;
    return std::sqrt(2 * sum / static_cast<double>(power.size()));
}

io::Result<KernelRegression> fit_until(double time, const MatrixXd& kernel, const MatrixXd& targets, double ridge) {
    if (time == infinity)
        return fit(kernel, targets, ridge);
    if (!(time >= 0))
        return Error{fmt::format("the time must be a number >= 0, not {:g}", time)};
    if (auto error = problem_with(kernel, targets, ridge))
        return *std::move(error);
    const auto spectrum = decompose(kernel);
    if (!spectrum)
        return spectrum.error();
    const VectorXd filter = spectrum->values.unaryExpr([&](double value) { return filtered(value + ridge, time); });
    KernelRegression fitted;
    fitted.coefficients = spectrum->vectors * (filter.asDiagonal() * (spectrum->vectors.transpose() * targets));
    fitted.reciprocal_condition = time > 0 ? filter.minCoeff() / filter.maxCoeff() : 1;
    return fitted;
}

} // namespace tpc::learn
