// The right functions at the points of one law, kept for all left ones that they meet.
#pragma once

#include "runtime/joint/functions.hpp"

#include <list>
#include <mutex>

namespace tpc::joint {

struct RightSide {
    // What it belongs to.
    std::vector<TapeNode> nodes;
    std::vector<NodeId> values;
    bool slopes = false;
    Eigen::MatrixXd covariance;
    // At root = principal rotation.
    Eigen::MatrixXd principal, rotation;
    Points points;
    bool single = false;            // single precision will do
    std::vector<float> single_rows; // blocks of rows; empty: not kept
    std::vector<double> double_rows;
    template <class Real> [[nodiscard]] const std::vector<Real>& kept() const {
        if constexpr (std::is_same_v<Real, float>)
            return single_rows;
        else
            return double_rows;
    }
};

// Those that were met last, within a budget of memory. Thread-safe; results do not depend on what is kept.
class RightSides {
  public:
    std::shared_ptr<const RightSide> find(const Functions& functions, const Eigen::VectorXd& mean,
                                          const Eigen::MatrixXd& covariance, const std::vector<double>& samples,
                                          const Sampling& sampling, bool slopes);

  private:
    std::mutex mutex_;
    std::list<std::shared_ptr<const RightSide>> kept_; // the last one first
};

// What rounding may contribute in single precision; below this much single precision is not tried.
double rounding_allowed(const Sampling& sampling);

} // namespace tpc::joint
