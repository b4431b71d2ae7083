// One side of an expectation in its canonical coordinates (canonical.hpp).
#pragma once

#include "runtime/points/expectation.hpp"

#include <algorithm>
#include <vector>

namespace tpc::joint {

struct Side {
    using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

    const Integrand* integrand = nullptr;
    bool left = true;
    Eigen::MatrixXd root; // A or B: Gaussians by coordinates
    Eigen::VectorXd mean;
    std::vector<NodeId> outputs; // the function, then its derivatives
    const std::vector<double>* samples = nullptr;

    [[nodiscard]] Eigen::Index dimensions() const { return root.cols(); }
    // Its first Gaussian.
    [[nodiscard]] Eigen::Index first() const { return left ? 0 : static_cast<Eigen::Index>(integrand->left_gaussians); }
};

// Its outputs (rows) at coordinates (columns), `block` at once.
class SideRun {
  public:
    using Rows = Side::Rows;

    SideRun(const Side& side, std::size_t block)
        : side_(side), block_(static_cast<Eigen::Index>(block)),
          run_(side.integrand->tape, side.outputs, block, side.samples->data()) {
        gaussians_ = Rows::Zero(side.first() + side.root.rows(), block_);
    }

    Rows operator()(const Eigen::Ref<const Rows>& coordinates) {
        Rows result(static_cast<Eigen::Index>(side_.outputs.size()), coordinates.cols());
        for (Eigen::Index first = 0; first < coordinates.cols(); first += block_) {
            const Eigen::Index count = std::min(block_, coordinates.cols() - first);
            auto own = gaussians_.bottomLeftCorner(side_.root.rows(), count);
            own.noalias() = side_.root * coordinates.middleCols(first, count);
            own.colwise() += side_.mean;
            run_.evaluate(gaussians_.data(), static_cast<std::size_t>(block_), static_cast<std::size_t>(count));
            for (std::size_t o = 0; o < side_.outputs.size(); ++o)
                result.row(static_cast<Eigen::Index>(o)).segment(first, count) =
                    Eigen::Map<const Eigen::RowVectorXd>(run_.row(side_.outputs[o]), count);
        }
        return result;
    }

  private:
    const Side& side_;
    Eigen::Index block_;
    TapeRun run_;
    Rows gaussians_;
};

} // namespace tpc::joint
