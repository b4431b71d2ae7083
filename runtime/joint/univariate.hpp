// Functions of one Gaussian of each side and of numbers of the samples, relu(relu(x) - avg(relu(x))): with the numbers put
// in, dual kernels of one law.
#pragma once

#include "runtime/points/expectation.hpp"

#include <optional>

namespace tpc::joint {

// Whether neither side has more than one Gaussian.
bool is_univariate(const Integrand& integrand);

// Operations of tapes (Sampling::work) that finding kinks and integrating between them takes, about.
inline constexpr double work_of_univariate = 1e7;

// Of univariate integrands; to the tolerance, relative to the norms of both sides. Nothing where no dual kernel is known.
std::optional<Expectation> by_dual_kernel(const Integrand& integrand, const Eigen::VectorXd& mean,
                                          const Eigen::MatrixXd& covariance, const std::vector<double>& samples, bool slopes,
                                          double tolerance);

} // namespace tpc::joint
