// Expectations of products of two samples that nearly coincide, from those within each of them.
//
// With f, g of one sample and f', g' the same functions of the other,
//   f g' = (f g + f' g') / 2 - (f - f')(g - g') / 2 + (f (g' - g) - (f' - f) g) / 2,
// where all but the first term are of the order of the distance. Points that estimate these alone leave an error of that
// order too, so that distances behind the next layer keep their digits, whatever E[f g] and E[f' g'] are off by together.
#pragma once

#include "runtime/points/expectation.hpp"

namespace tpc::joint {

struct Twins {
    Tape tape;                              // Gaussians of the left sample from 0 on, then the same ones of the right sample
    NodeId left_first = 0, left_second = 0; // f, g
    NodeId right_first = 0, right_second = 0; // f', g'
};

// Whether each Gaussian of the left sample and its twin are nearly one; `mean` and `covariance` of all, left ones first.
bool nearly_coincide(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance);

// One replicate's estimate of E[f g'] - (E[f g] + E[f' g']) / 2; `samples` the numbers of the tape.
double apart(const Twins& twins, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
             const std::vector<double>& samples, const Sampling& sampling);

} // namespace tpc::joint
