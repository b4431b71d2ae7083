// Expectations that do not exist because of what is far out: no number of points shows it.
#pragma once

#include "runtime/tapes/tape.hpp"

#include <Eigen/Core>

#include <vector>

namespace tpc::joint {

// One factor of an integrand, of the Gaussians from `first` on.
struct Factor {
    const Tape* tape = nullptr;
    NodeId node = 0;
    std::uint32_t first = 0;
};

// Throws gaussian::NoExpectation where the product times the density still rises between 30 and 40 deviations from the mean,
// on rays along each Gaussian or at random: exp(z^2), exp(exp(z)). It may rise elsewhere unseen.
void require_existence(const std::vector<Factor>& factors, const Eigen::VectorXd& mean, const Eigen::MatrixXd& root,
                       const std::vector<double>& samples);

} // namespace tpc::joint
