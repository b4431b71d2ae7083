// Expectations of products of quotients (quotient.hpp) by the Laplace transform of their denominators, deterministic.
//
//   q^(-k/2) = 1 / Gamma(k/2) * integral of s^(k/2-1) exp(-s q) ds
//
// A Gaussian under exp(-s z'Q z) is a Gaussian of another covariance, times a determinant, so that what is left are dual
// kernels of one Gaussian a side: one dimension to integrate for each denominator, smooth in log s (limits.md section 5).
#pragma once

#include "runtime/gaussian/dual.hpp"
#include "runtime/points/expectation.hpp"
#include "runtime/ratios/quotient.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace tpc::joint {

class Laplace {
  public:
    // Null when either side is no sum of quotients, or its slopes would not follow from Price's theorem (quotients with
    // jumps).
    static std::unique_ptr<Laplace> make(const Integrand& integrand, bool slopes);

    // The expectation as `estimate` gives it, to about `tolerance` of the norms of both sides; nothing for laws that it does
    // not cover (denominators of Gaussians with means, functions without a dual kernel).
    [[nodiscard]] std::optional<Expectation> operator()(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                                        bool slopes, double tolerance) const;

    [[nodiscard]] bool denominators() const;

  private:
    ir::ExprTable table_;
    Eigen::Index left_size_ = 0;
    std::vector<Quotient> left_, right_;

    // Dual kernels by functions, rounded variance and mean, and tolerance. Null: there is none.
    using Key = std::tuple<ir::ExprId, ir::ExprId, double, double, double>;
    mutable std::mutex mutex_;
    mutable std::map<Key, std::shared_ptr<const gaussian::Dual<double>>> duals_;
    std::shared_ptr<const gaussian::Dual<double>> dual(ir::ExprId phi, ir::ExprId psi, const gaussian::Regime& regime,
                                                       double tolerance) const;

    bool pair(const Quotient& left, const Quotient& right, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
              bool slopes, double tolerance, Expectation& sum) const;
};

} // namespace tpc::joint
