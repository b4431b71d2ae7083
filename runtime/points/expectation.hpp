// Expectations of functions of jointly Gaussian numbers by randomised quasi-Monte Carlo.
#pragma once

#include "runtime/points/points.hpp"
#include "runtime/tapes/tape.hpp"

#include <Eigen/Core>

#include <atomic>

namespace tpc::joint {

// E[left right], where `left` depends on Gaussians 0..left_gaussians-1 and `right` on the others.
struct Integrand {
    Tape tape;
    std::uint32_t left_gaussians = 0, right_gaussians = 0;
    NodeId left = 0, right = 0;
    std::vector<NodeId> left_gradient, right_gradient; // empty: no slopes are needed
    // The degree of homogeneity of left * right, and of the products of gradients, where there is one.
    Degree degree, slope_degree;
};

// Completes an integrand whose tape holds `left` and `right`.
void finish(Integrand& integrand, bool slopes);

// Both functions and, with slopes, their derivatives.
std::vector<NodeId> all_outputs(const Integrand& integrand, bool slopes);

struct Sampling {
    unsigned log2_points = 12;
    std::uint32_t replicate = 0;
    // Of expectations that only enter laws of Gaussians, where their noise usually counts less.
    unsigned law_log2_points = 12;
    std::uint32_t law_replicate = 0;
    double tolerance = 1e-8;              // of what is not sampled
    std::atomic<bool>* sampled = nullptr; // set when something is
    bool one_sample = false;              // all Gaussians are of one: variances and means, which must exist
    double acceptable = 0;                // of what is not sampled, rather than sampling it; 0: `tolerance`
    std::atomic<double>* error = nullptr; // raised to the largest error that is stated of what is not sampled
    // What is not sampled is changed by so many times its stated error, where that is above a bound: how errors spread.
    double perturbation = 0;
    double perturbed_above = 0;
    // What replicates have in common is computed once: which law of an expectation this is, and the bytes that may still be
    // kept for it. Null: nothing is.
    std::size_t place = 0;
    std::size_t* budget = nullptr;
    // The root that the first run took: points of the others go as near to it as their laws allow. Else roots of nearly one
    // law may differ in directions that are nearly as good as one another, and what points are off by with them. Null: each
    // takes its own.
    Eigen::MatrixXd* frame = nullptr;
    bool first_run = false; // takes frames, whatever was before
    [[nodiscard]] bool has_frame() const { return frame != nullptr && !first_run && frame->size() > 0; }
    // What may be spent rather than sampling, in operations of tapes at one point; less what was. Null: without limit.
    double* work = nullptr;

    [[nodiscard]] Sampling of_laws() const {
        Sampling result = *this;
        result.log2_points = law_log2_points;
        result.replicate = law_replicate;
        return result;
    }
};

// Gaussians with a mean and a root of their covariance at a block of standard normal points.
class PointMap {
  public:
    PointMap(const Eigen::VectorXd& mean, const Eigen::MatrixXd& root);
    // Gaussian k at values[k * stride ..]; `count`, a multiple of row_step or all points, from point `first` on.
    template <class Real>
    void operator()(const std::vector<std::shared_ptr<const Row<Real>>>& points, std::size_t first, std::size_t count,
                    Real* values, std::size_t stride) const;

  private:
    Eigen::VectorXd mean_;
    std::vector<std::vector<std::pair<std::size_t, double>>> rows_;
};

struct Expectation {
    double value = 0;
    Eigen::MatrixXd slopes; // E[d left / d Gaussian k, d right / d Gaussian l] (Price: the derivatives by their covariances)
};

// One replicate's estimate. `mean` of all Gaussians, left ones first; `covariance` of all, rank-deficient or not; `samples`
// the numbers of the tape. Homogeneous integrands of centred Gaussians are sampled on the sphere, their radial moment is
// exact. Throws gaussian::NoExpectation when that moment is infinite, or the expectation of one sample as far as seen.
Expectation estimate(const Integrand& integrand, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                     const std::vector<double>& samples, const Sampling& sampling, bool slopes);

} // namespace tpc::joint
