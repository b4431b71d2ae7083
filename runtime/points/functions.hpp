// Functions of the Gaussians of one sample and their derivatives, in rows of points.
#pragma once

#include "runtime/points/expectation.hpp"

#include <optional>

namespace tpc::joint {

struct Functions {
    Tape tape; // Gaussians from 0 on
    std::uint32_t gaussians = 0;
    std::vector<NodeId> values;
    std::vector<std::vector<NodeId>> gradients; // by function and Gaussian
};

// Appends the derivatives of the functions.
void finish(Functions& functions);

// Values and derivatives.
std::vector<NodeId> all_outputs(const Functions& functions);

// Functions and their gradients at a few points of a law, to learn by what they vary.
class Pilot {
  public:
    Pilot(const Functions& functions, const Eigen::VectorXd& mean, const Eigen::MatrixXd& root,
          const std::vector<double>& samples);
    [[nodiscard]] Eigen::RowVectorXd value(std::size_t i) const;
    [[nodiscard]] Eigen::MatrixXd gradient(std::size_t i) const; // Gaussians by points

  private:
    const Functions& functions_;
    TapeRun run_;
};

// At which points functions are evaluated: mean + root (coordinates of a replicate, from the first on).
struct Points {
    Eigen::VectorXd mean;
    Eigen::MatrixXd root;
    std::vector<double> samples;
    unsigned log2_count = 0;
    std::uint32_t replicate = 0;
    [[nodiscard]] std::size_t count() const { return std::size_t{1} << log2_count; }
};

// Rows of all outputs that are no numbers, block by block.
template <class Real> class FunctionRows {
  public:
    static constexpr std::size_t block = 256;
    // `slopes`: with derivatives.
    FunctionRows(const Functions& functions, const Points& points, bool slopes);
    [[nodiscard]] std::size_t rows() const { return outputs_.size(); }
    // All outputs at the points from `first`, a multiple of `block`, on; row r at values[r * block].
    void operator()(std::size_t first, Real* values);
    // Of function i, or of its derivative by Gaussian k; nothing: it is 0.
    [[nodiscard]] std::size_t value(std::size_t i) const { return value_[i]; }
    [[nodiscard]] std::optional<std::size_t> derivative(std::size_t i, std::size_t k) const { return derivative_[i][k]; }
    // Whether all rows have at most this error of rounding, relative to their norms, as the first points tell.
    [[nodiscard]] bool precise(double error);

  private:
    const Functions& functions_;
    const Points& points_;
    std::vector<NodeId> outputs_;
    std::vector<std::size_t> value_;
    std::vector<std::vector<std::optional<std::size_t>>> derivative_;
    std::vector<std::shared_ptr<const Row<Real>>> coordinates_;
    PointMap map_;
    BasicTapeRun<Real> run_;
    std::vector<Real> gaussians_;
};

} // namespace tpc::joint
