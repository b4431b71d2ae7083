// Expectations that do not exist because of what is near a zero of a denominator: no number of points shows it.
#pragma once

#include "runtime/points/denominators.hpp"

namespace tpc::joint {

// Functions of one tape, of the Gaussians from `first` on. `denominators`: null where those of another branch are the same.
struct Branch {
    const Tape* tape = nullptr;
    const Denominators* denominators = nullptr;
    std::uint32_t first = 0;
};

// Terms of an integrand: the sum over them of weight * left * right, nodes of the two branches.
struct WeightedProduct {
    double weight = 1;
    NodeId left = 0, right = 0;
};
struct Products {
    std::vector<WeightedProduct> terms;
    bool of_derivatives = false;
};

// Of derivatives: the sum over k, l of weights(k, l) left[k] right[l].
Products weighted(const Eigen::MatrixXd& weights, const std::vector<NodeId>& left, const std::vector<NodeId>& right);

// Throws gaussian::NoExpectation where an integrand grows as distance^-p or faster toward a zero of a denominator, and such
// zeros are of codimension p or less: 1 / |z|, 1 / (a^2 + b^2). Zeros are sought by Newton's method from a few points of the
// law; those further than some deviations from its mean go unseen, as do poles too slight for powers, 1 / (x log x).
void require_integrable(const Branch& left, const Branch& right, const std::vector<Products>& integrands,
                        const Eigen::VectorXd& mean, const Eigen::MatrixXd& root, const std::vector<double>& samples);

} // namespace tpc::joint
