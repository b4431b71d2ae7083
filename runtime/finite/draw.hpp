// The random objects of one network of width n.
#pragma once

#include "runtime/finite/graph.hpp"

#include <Eigen/Core>

#include <list>
#include <map>

namespace tpc::finite {

// Draws members when they are asked for. A member's numbers depend on (seed, parameter, indices) and the width only,
// so two graphs of one program (sets of samples of different sizes) meet the same network. Matrices that do not fit
// into `budget` bytes are forgotten, the least recently used first, and drawn again.
class Draw {
  public:
    Draw(std::size_t width, std::uint64_t seed, std::size_t budget = std::size_t{1} << 31)
        : width_(width), seed_(seed), budget_(budget) {}

    [[nodiscard]] std::size_t width() const { return width_; }

    // The member's value (n x n, n x d, n x 1 or 1 x 1) from now on, instead of a drawn one.
    void set(const Member& member, Eigen::MatrixXd value);

    // n x n of variance scale / n, or n x d of variance scale / d. Valid until the next call.
    const Eigen::MatrixXd& matrix(const Member& member);
    // n coordinates, or one, of the member's mean and variance.
    [[nodiscard]] Eigen::VectorXd vector(const Member& member) const;

  private:
    struct Entry {
        Eigen::MatrixXd matrix;
        std::list<std::vector<std::int64_t>>::iterator recent;
    };
    std::size_t width_;
    std::uint64_t seed_;
    std::size_t budget_;
    std::size_t held_ = 0;
    std::map<std::vector<std::int64_t>, Eigen::MatrixXd> given_;
    std::map<std::vector<std::int64_t>, Entry> matrices_;
    std::list<std::vector<std::int64_t>> recent_; // latest first
};

} // namespace tpc::finite
