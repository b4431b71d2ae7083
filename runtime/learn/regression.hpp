// Regression with a kernel: predictions K_test,train (K + ridge I)^-1 targets.
#pragma once

#include "runtime/io/result.hpp"

#include <Eigen/Core>

namespace tpc::learn {

// The solution of (K + ridge I) coefficients = targets.
struct KernelRegression {
    Eigen::MatrixXd coefficients;    // N x k
    double reciprocal_condition = 0; // estimate of 1 / cond_1(K + ridge I): below 1e-10 or so, digits are being lost
};

// kernel: N x N, symmetric to single precision at least (its lower half is used); targets: N x k; ridge >= 0, in the
// kernel's own units. Cholesky, N^3 / 3 multiplications, and one working copy of the kernel. Errors: sizes that disagree,
// NaN, an unsymmetric kernel, a negative ridge, and a matrix that is not positive definite, be it only by rounding (samples
// that repeat): then the line suggests a ridge.
io::Result<KernelRegression> fit(const Eigen::MatrixXd& kernel, const Eigen::MatrixXd& targets, double ridge = 0);

// cross: M x N, the kernel between the test samples and those of the fit. Gives M x k. Errors: sizes that disagree, NaN.
io::Result<Eigen::MatrixXd> predict(const KernelRegression& fitted, const Eigen::MatrixXd& cross);

// Root of the mean square of all entries of predictions - targets, which have one shape; 0 for empty ones.
double root_mean_square_error(const Eigen::MatrixXd& predictions, const Eigen::MatrixXd& targets);

} // namespace tpc::learn
