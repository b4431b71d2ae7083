// Functions of w'z / sqrt(z'Q z + c): any smooth activation of a batch-normalised Gaussian.
//
// The ratio t is bounded, |t| <= r = sqrt(w'Q^+ w), so that a polynomial sum p_k t^k is as near as one likes; and with
// t^k = (w'z)^k / Gamma(k/2) * integral of s^(k/2-1) exp(-s q) ds all powers have one Laplace integral, in which the
// function becomes the polynomial sum p_k s^(k/2) / Gamma(k/2) a^k of one Gaussian a = w'z. Two sides of these are a finite
// Mehler sum in their correlation.
#pragma once

#include "runtime/joint/expectation.hpp"
#include "runtime/joint/tilt.hpp"

#include <memory>
#include <mutex>
#include <optional>

namespace tpc::joint {

struct Ratio {
    ir::ExprId function{}; // over variable 0
    Eigen::VectorXd form;  // w
    Eigen::MatrixXd quadratic;
    double offset = 0;
    double range = 0; // r
};

class Ratios {
  public:
    // Null when a side is no such function (nor a number), not smooth, or of a ratio that is not bounded.
    static std::unique_ptr<Ratios> make(const Integrand& integrand);

    // To `tolerance` of the norms of both sides; nothing where that would take too high a degree, for Gaussians with means,
    // or where the integrals do not converge.
    [[nodiscard]] std::optional<Expectation> operator()(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                                        bool slopes, double tolerance) const;

  private:
    ir::ExprTable table_;
    std::optional<Ratio> left_, right_; // nothing: the number
    double left_number_ = 0, right_number_ = 0;
    Eigen::Index left_size_ = 0, right_size_ = 0;

    struct Polynomials {
        std::vector<double> left, right; // by powers of t
    };
    mutable std::mutex mutex_;
    mutable std::map<double, std::optional<Polynomials>> polynomials_; // by tolerance
    std::optional<Polynomials> polynomials(double tolerance) const;
};

} // namespace tpc::joint
