// Parts of several expectations that have no method but points, from one set of them.
#pragma once

#include "runtime/joint/several.hpp"
#include "runtime/joint/split.hpp"

namespace tpc::joint {

// A part, where its Gaussians are among those of all parts, and its numbers of the sample among all numbers.
struct Placed {
    const Part* part = nullptr;
    std::vector<std::uint32_t> left, right; // by Gaussian of the part
    std::vector<std::uint32_t> samples;
};

// E[left_i right_j] for pairs (i, j) of functions of both sides. The functions of one side have much in common; with one
// function on the left only, the derivatives are those of Several, else gradients of all.
struct Shared {
    std::vector<std::uint32_t> left_places, right_places; // of the Gaussians that occur
    Several several;                                      // right functions, and the left one if there is only one
    std::vector<NodeId> left;
    std::vector<std::vector<NodeId>> left_gradient,
        right_gradient;                                        // by function; empty: one function on the left, or no slopes
    std::vector<std::pair<std::size_t, std::size_t>> products; // by part
};

Shared share(const std::vector<Placed>& parts, bool slopes);

// By part, one replicate's estimate, with its derivatives along the links of left to right Gaussians; `mean`, `covariance`,
// `linked` are those of the Gaussians that occur.
SeveralExpectations estimate(const Shared& shared, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                             const Eigen::MatrixXd& linked, const std::vector<double>& samples, const Sampling& sampling);

} // namespace tpc::joint
