#include "runtime/learn/problem.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include <lapacke.h>

namespace tpc::learn {

using Eigen::Index;
using Eigen::MatrixXd;
using io::Error;

std::optional<Error> problem_with(const MatrixXd& kernel) {
    if (kernel.rows() != kernel.cols())
        return Error{fmt::format("the training kernel is {} x {}, not square", kernel.rows(), kernel.cols())};
    if (kernel.rows() == 0)
        return Error{"no training samples"};
    if (kernel.rows() > std::numeric_limits<lapack_int>::max())
        return Error{"too many samples for one dense matrix"};
    if (!kernel.allFinite())
        return Error{"the training kernel holds NaN or infinite numbers"};
    const double tolerance = 1e-5 * kernel.cwiseAbs().maxCoeff();
    for (Index j = 0; j < kernel.cols(); ++j)
        for (Index i = j + 1; i < kernel.rows(); ++i)
            if (std::abs(kernel(i, j) - kernel(j, i)) > tolerance)
                return Error{fmt::format("the training kernel is not symmetric: {:g} at [{}, {}], {:g} at [{}, {}]",
                                         kernel(i, j), i, j, kernel(j, i), j, i)};
    return std::nullopt;
}

std::optional<Error> problem_with(const MatrixXd& kernel, const MatrixXd& targets, double ridge) {
    if (auto error = problem_with(kernel))
        return error;
    if (targets.rows() != kernel.rows())
        return Error{fmt::format("{} training samples, but targets for {}", kernel.rows(), targets.rows())};
    if (targets.cols() > std::numeric_limits<lapack_int>::max())
        return Error{"too many targets for one dense matrix"};
    if (!(ridge >= 0) || !std::isfinite(ridge))
        return Error{fmt::format("the ridge must be a number >= 0, not {:g}", ridge)};
    if (!targets.allFinite())
        return Error{"the targets hold NaN or infinite numbers"};
    return std::nullopt;
}

} // namespace tpc::learn
