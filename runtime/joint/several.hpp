// Expectations of the products of one function with each of several others, from one set of points.
#pragma once

#include "runtime/joint/expectation.hpp"

namespace tpc::joint {

// E[left right_j] for all j. Their derivatives are wanted only along given links of left to right Gaussians,
//   sum over k, l of linked(k, l) E[d left / d x_k  d right_j / d y_l],
// so that a reverse sweep of `left` gives the direction sum over k of linked(k, l) d left / d x_k, and one forward sweep the
// derivatives of all right_j in it.
struct Several {
    Tape left_tape, right_tape; // Gaussians from 0 on each; numbers of the sample: left ones first
    std::uint32_t left_gaussians = 0, right_gaussians = 0;
    NodeId left = 0;
    std::vector<NodeId> right;
    std::vector<NodeId> gradient, directional; // by left Gaussian; by right function, of Gaussians right_gaussians + l
    // Operations at one point.
    [[nodiscard]] double work() const {
        return static_cast<double>(left_tape.nodes().size() + right_tape.nodes().size() +
                                   std::size_t{left_gaussians} * right_gaussians);
    }
};

// Completes one whose tapes hold `left` and `right`.
void finish(Several& several);

struct SeveralExpectations {
    std::vector<double> values, tangents; // no tangents: `linked` is empty
};

// One replicate's estimate, as `estimate` in expectation.hpp.
SeveralExpectations estimate(const Several& several, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                             const Eigen::MatrixXd& linked, const std::vector<double>& samples, const Sampling& sampling);

// sum over x of linked(x, to) d f / d x at `count` points, of which `run` has the gradient; false where that is 0.
bool along_links(const Eigen::MatrixXd& linked, Eigen::Index to, const Tape& tape, const std::vector<NodeId>& gradient,
                 const TapeRun& run, std::size_t count, double* result);

} // namespace tpc::joint
