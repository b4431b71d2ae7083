// Parts of several expectations that have no method but points, from one set of them.
#pragma once

#include "runtime/joint/split.hpp"
#include "runtime/points/poles.hpp"

namespace tpc::joint {

// A part, where its Gaussians are among those of all parts, and its numbers of the sample among all numbers.
struct Placed {
    const Part* part = nullptr;
    std::vector<std::uint32_t> left, right; // by Gaussian of the part
    std::vector<std::uint32_t> samples;
};

// E[left_i right_j] for pairs (i, j) of functions of both sides, which have much in common.
struct Shared {
    std::vector<std::uint32_t> left_places, right_places; // of the Gaussians that occur
    Functions left, right;
    Denominators left_denominators, right_denominators;
    std::vector<std::pair<std::size_t, std::size_t>> products; // by part
};

Shared share(const std::vector<Placed>& parts);

struct SharedExpectations {
    std::vector<double> values, tangents; // no tangents: `linked` is empty
};

// By part, one replicate's estimate, and its derivative along the links of left to right Gaussians,
//   sum over k, l of linked(k, l) E[d left_i / d x_k  d right_j / d y_l];
// `mean`, `covariance`, `linked` are those of the Gaussians that occur.
SharedExpectations estimate(const Shared& shared, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                            const Eigen::MatrixXd& linked, const std::vector<double>& samples, const Sampling& sampling);

} // namespace tpc::joint
