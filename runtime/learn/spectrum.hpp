// The eigenvalues of a kernel, and what gradient flow does along its eigenvectors.
//
// A network in the linear regime of its tangent kernel K that minimises half the sum of squares of f - y by gradient flow
// has f(t) - y = exp(-K t) (f(0) - y) on the training samples (J. Lee et al. 2019, arXiv:1902.06720, equation 7; A. Jacot et
// al. 2018, arXiv:1806.07572, section 5): along an eigenvector of eigenvalue l the error decays as exp(-l t). Time is the
// learning rate times the number of small steps. With the NNGP for K, only the readout learns.
#pragma once

#include "runtime/io/result.hpp"
#include "runtime/learn/regression.hpp"

#include <Eigen/Core>

namespace tpc::learn {

struct Spectrum {
    Eigen::VectorXd values;  // N, descending, >= 0
    Eigen::MatrixXd vectors; // N x N, orthonormal columns in the order of the values
    double clipped = 0;      // how far below 0 the least eigenvalue was before it was set to 0: what the entries' errors did
};

// kernel: N x N, symmetric to single precision at least (its lower half is used). Divide and conquer, about 9 N^3
// operations, two more matrices of its size. Errors: those of problem_with, and an eigenvalue below -1e-3 of the largest
// modulus, which no error of a positive semidefinite kernel explains.
io::Result<Spectrum> decompose(const Eigen::MatrixXd& kernel);

// The squares of the targets' coordinates in the eigenvectors, summed over the columns of the targets (N x k). N numbers.
Eigen::VectorXd power(const Spectrum& spectrum, const Eigen::MatrixXd& targets);

// When gradient flow from f(0) = 0 has brought the loss, sum_i power_i exp(-2 l_i t), down to `fraction` of what it was.
// Infinite where directions of eigenvalue 0 keep more than that.
double time_to(const Spectrum& spectrum, const Eigen::VectorXd& power, double fraction);

// sqrt(2 y' K^-1 y / N), y one column of targets: bounds the expected loss of the network that was trained to the end on N
// samples with a loss that is 1-Lipschitz and in [0, 1], up to a term that falls as sqrt(log N / N) (S. Arora et al. 2019,
// arXiv:1901.08584, theorem 5.1). Infinite where the targets reach into directions of eigenvalue 0.
double complexity(const Spectrum& spectrum, const Eigen::VectorXd& power);

// The coefficients of the mean prediction at `time` (>= 0, may be infinite), (1 - exp(-(K + ridge) t)) / (K + ridge) y:
// gradient flow from f(0) = 0 on half the sum of squares plus half the ridge times the squared distance of the parameters
// from where they began. Infinite time needs K + ridge to be positive definite in double precision; see fit.
// reciprocal_condition is that of the matrix that multiplies y. Errors as of fit and decompose, and a negative time.
io::Result<KernelRegression> fit_until(double time, const Eigen::MatrixXd& kernel, const Eigen::MatrixXd& targets,
                                       double ridge = 0);

} // namespace tpc::learn
