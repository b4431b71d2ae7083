// Classes as targets of a regression.
#pragma once

#include "runtime/io/result.hpp"

#include <Eigen/Core>

#include <span>
#include <vector>

namespace tpc::learn {

// Classes are numbered 0, 1, ... in the ascending order of their labels.
struct Classes {
    std::vector<double> labels;       // distinct, ascending
    std::vector<Eigen::Index> number; // of each sample
};

// Errors: labels that are not integers, fewer than two different ones. The labels are finite.
io::Result<Classes> find_classes(std::span<const double> labels);

// N x count: 1 at the class of each sample, 0 elsewhere. Numbers are in 0..count-1.
Eigen::MatrixXd one_hot(std::span<const Eigen::Index> number, Eigen::Index count);

// The column of the largest score in each row, the first of equal ones.
std::vector<Eigen::Index> largest_column(const Eigen::MatrixXd& scores);

// The fraction of equal entries of two lists of one length; 0 for empty ones.
double accuracy(std::span<const Eigen::Index> predicted, std::span<const Eigen::Index> truth);

} // namespace tpc::learn
