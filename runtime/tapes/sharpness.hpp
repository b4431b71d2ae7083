// How sharply a function of Gaussians may bend, seen from its operations, so that no rule is too coarse to see a feature.
//
// Over a box of coordinates every value of a tape and its gradient have bounds (interval arithmetic). tanh(a), exp(a), 1 / a
// and their like vary where a is in some range, over lengths of the order of 1 / |grad a|, of |a| / |grad a| for the last.
#pragma once

#include "runtime/tapes/tape.hpp"

#include <Eigen/Core>

namespace tpc::joint {

struct Box { // of coordinates
    Eigen::VectorXd low, high;
};

class Sharpness {
  public:
    // Of functions of Gaussians mean + root z, |z_d| <= extent.
    Sharpness(const Tape& tape, const std::vector<NodeId>& outputs, Eigen::VectorXd mean, Eigen::MatrixXd root,
              const std::vector<double>& samples, double extent);

    // By direction, at most one over the lengths on which the function varies in the box.
    [[nodiscard]] Eigen::VectorXd in(const Box& box) const { return sweep(box, nullptr); }

    // The same from boxes that are divided while they are longer than these lengths, but for those whose nearest point is
    // further than `reach` from 0. What is below `little` is not looked at closely, nor anything once something is above
    // `enough`.
    [[nodiscard]] Eigen::VectorXd within(const Box& box, double reach, double little, double enough) const;

  private:
    const Tape& tape_;
    std::vector<NodeId> used_;
    std::vector<std::uint32_t> place_;
    Eigen::VectorXd mean_;
    Eigen::MatrixXd root_;
    const std::vector<double>& samples_;
    std::vector<double> peaks_; // bounds of exponents, 0 where they are above: what is far below its peak is not seen

    Eigen::VectorXd sweep(const Box& box, std::vector<double>* peaks) const;
};

} // namespace tpc::joint
