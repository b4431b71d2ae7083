// Functions of several Gaussians that need only one of them and a norm: sums of phi(w'z) / (z'Q z + c)^(power/2), as batch
// normalisation before a positively homogeneous activation gives, and maxima of two Gaussians.
#pragma once

#include "runtime/tapes/tape.hpp"

#include <Eigen/Core>

namespace tpc::joint {

struct Quotient {
    ir::ExprId numerator{};         // phi, over variable 0
    std::optional<double> constant; // phi is this number
    Eigen::VectorXd form;           // w
    Degree degree;                  // in which phi is homogeneous
    bool jumps = false;             // phi has jumps
    int power = 0;                  // of the root; 0: no denominator
    Eigen::MatrixXd quadratic;      // Q, positive semidefinite
    double offset = 0;              // c >= 0
};

// The terms of which the node is the sum, with expressions in `table`; nothing when some term is of no such form. Vectors
// and matrices are over Gaussians first .. first + count - 1.
std::optional<std::vector<Quotient>> quotients(const Tape& tape, NodeId node, std::uint32_t first, std::uint32_t count,
                                               ir::ExprTable& table);

// The node as a function of one w'z / sqrt(z'Q z + c) alone, smooth or not; nothing if it is none, or not seen to be, or the
// ratio is not bounded.
struct Ratio;
std::optional<Ratio> ratio(const Tape& tape, NodeId node, std::uint32_t first, std::uint32_t count, ir::ExprTable& table);

} // namespace tpc::joint
