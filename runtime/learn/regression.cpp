#include "runtime/learn/regression.hpp"

#include "runtime/learn/problem.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <new>
#include <optional>

#include <lapacke.h>

namespace tpc::learn {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using io::Error;

Error singular(const MatrixXd& kernel, double ridge) {
    const double scale = kernel.diagonal().cwiseAbs().mean();
    const double enough = std::max(10 * ridge, 1e-8 * (scale > 0 ? scale : 1));
    return Error{fmt::format(
        "the training kernel{} is not positive definite in double precision (repeated samples, or a kernel of low "
        "rank); try a ridge of {:.1g}",
        ridge > 0 ? fmt::format(" with ridge {:g}", ridge) : "", enough)};
}

} // namespace

io::Result<KernelRegression> fit(const MatrixXd& kernel, const MatrixXd& targets, double ridge) {
    if (auto error = problem_with(kernel, targets, ridge))
        return *std::move(error);
    try {
        MatrixXd factor = kernel;
        factor.diagonal().array() += ridge;
        const auto n = static_cast<lapack_int>(kernel.rows());
        const double norm = LAPACKE_dlansy(LAPACK_COL_MAJOR, '1', 'L', n, factor.data(), n);
        if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', n, factor.data(), n) != 0)
            return singular(kernel, ridge);
        KernelRegression fitted;
        LAPACKE_dpocon(LAPACK_COL_MAJOR, 'L', n, factor.data(), n, norm, &fitted.reciprocal_condition);
        // A singular matrix may get through Cholesky by the luck of its roundings.
        if (!(fitted.reciprocal_condition > std::numeric_limits<double>::epsilon()))
            return singular(kernel, ridge);
        fitted.coefficients = targets;
        LAPACKE_dpotrs(LAPACK_COL_MAJOR, 'L', n, static_cast<lapack_int>(targets.cols()), factor.data(), n,
                       fitted.coefficients.data(), n);
        return fitted;
    } catch (const std::bad_alloc&) {
        return Error{fmt::format("not enough memory to factor a kernel of {} samples", kernel.rows())};
    }
}

io::Result<MatrixXd> predict(const KernelRegression& fitted, const MatrixXd& cross) {
    if (cross.cols() != fitted.coefficients.rows())
        return Error{
            fmt::format("the test kernel has {} columns for {} training samples", cross.cols(), fitted.coefficients.rows())};
    if (!cross.allFinite())
        return Error{"the test kernel holds NaN or infinite numbers"};
    return MatrixXd(cross * fitted.coefficients);
}

double root_mean_square_error(const MatrixXd& predictions, const MatrixXd& targets) {
    return predictions.size() == 0
               ? 0
               : std::sqrt((predictions - targets).squaredNorm() / static_cast<double>(predictions.size()));
}

} // namespace tpc::learn
