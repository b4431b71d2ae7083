// The method of every expectation over several Gaussians: it is split into small ones, and each of those takes the cheapest
// method that meets the tolerance.
#pragma once

#include "runtime/joint/laplace.hpp"
#include "runtime/joint/split.hpp"

#include <mutex>

namespace tpc::joint {

// What one part has cost so far, by method.
struct Use {
    std::size_t evaluations = 0;
    std::size_t points = 0; // of the largest evaluation; 0: none are used
    double error = 0;       // the largest estimate, relative to the norms of both sides
    double seconds = 0;
};

struct PartReport {
    std::vector<std::uint32_t> left, right; // the Gaussians of the whole
    bool constant = false;
    std::map<std::string, Use> methods;
};

// One expectation with any law. Thread-safe; results do not depend on what was asked before.
class Solver {
  public:
    // `whole` without gradients: `finish` is not wanted.
    Solver(Integrand whole, bool slopes) : whole_(std::move(whole)), slopes_(slopes) {}

    // As `estimate`. Slopes of pairs that are neither covariant nor linked (nonzero entries) are not computed.
    Expectation operator()(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance, const Eigen::MatrixXd& linked,
                           const std::vector<double>& samples, const Sampling& sampling) const;

    [[nodiscard]] std::vector<PartReport> report() const;

  private:
    struct Small {
        Part part;
        std::unique_ptr<Laplace> laplace;
        bool smooth = false;
        mutable std::mutex mutex;
        mutable std::map<std::string, Use> uses;
    };
    struct Divided {
        Split split;
        std::vector<std::unique_ptr<Small>> parts;
    };
    Integrand whole_;
    bool slopes_;
    mutable std::mutex mutex_;
    mutable std::map<std::vector<std::uint32_t>, std::unique_ptr<Divided>> divided_; // by blocks

    const Divided& divided(const std::vector<std::uint32_t>& blocks) const;
    Expectation small(const Small& small, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                      const std::vector<double>& samples, const Sampling& sampling) const;
};

} // namespace tpc::joint
