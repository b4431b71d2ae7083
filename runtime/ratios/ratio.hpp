// Functions of w'z / sqrt(z'Q z + c): any continuous activation of a batch-normalised Gaussian.
//
// The ratio t is bounded, |t| <= r = sqrt(w'Q^+ w), so that a polynomial sum p_k t^k is as near as one likes; and with
// t^k = (w'z)^k / Gamma(k/2) * integral of s^(k/2-1) exp(-s q) ds all powers have one Laplace integral, in which the
// function becomes the polynomial sum p_k s^(k/2) / Gamma(k/2) a^k of one Gaussian a = w'z. Two sides of these are a finite
// Mehler sum in their correlation. Functions that are smooth on either side of 0 are polynomials on each (ratio_halves.hpp).
// Functions with other kinks are projected: ratios have a smooth density, so that expectations converge though polynomials
// do not come near a kink.
#pragma once

#include "runtime/gaussian/univariate.hpp"
#include "runtime/points/expectation.hpp"
#include "runtime/ratios/ratio_halves.hpp"
#include "runtime/ratios/ratio_polynomial.hpp"
#include "runtime/ratios/tilt.hpp"

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

// Of a positive semidefinite matrix.
Eigen::Index rank(const Eigen::MatrixXd& quadratic);

class Ratios {
  public:
    // Null when a side is no such function (nor a number), has jumps, or is of a ratio that is not bounded.
    static std::unique_ptr<Ratios> make(const Integrand& integrand);

    struct Result {
        Expectation expectation;
        double error = 0; // of the norms of both sides
    };
    // To `tolerance`, or else to `acceptable` or between, or, with kinks, as near as it goes; nothing where that would take
    // too high a degree, for Gaussians with means, or where the integrals do not converge.
    [[nodiscard]] std::optional<Result> operator()(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                                                   bool slopes, double tolerance, double acceptable) const;

  private:
    struct Side {
        std::optional<Ratio> ratio; // nothing: the number
        double number = 0;
        Eigen::Index size = 0;
        std::optional<gaussian::Univariate> function;
        std::vector<double> kinks;
        double dimension = 2; // rank of the quadratic form
    };
    ir::ExprTable table_;
    Side left_, right_;

    struct Polynomials {
        std::vector<double> left, right; // by powers of t
        double magnitude = 0;            // of projections: what cancels in one
    };
    mutable std::mutex mutex_;
    mutable std::map<double, std::optional<Polynomials>> interpolated_;         // by tolerance
    mutable std::map<std::size_t, std::optional<Polynomials>> projected_;       // by degree
    mutable std::map<double, std::optional<std::pair<Halves, Halves>>> halved_; // by tolerance
    [[nodiscard]] bool smooth() const;
    [[nodiscard]] bool smooth_beside_zero() const;
    [[nodiscard]] std::optional<Polynomials> polynomials(double tolerance) const;
    [[nodiscard]] std::optional<std::pair<Halves, Halves>> halves_of_sides(double tolerance) const;
    [[nodiscard]] std::optional<Polynomials> projections(std::size_t degree) const;
    // Both sides have one vector z, of which both norms are.
    [[nodiscard]] bool one_sample(const Eigen::MatrixXd& covariance, double tolerance) const;
    // Products of those of both sides, of values and of their derivatives by the Gaussians.
    [[nodiscard]] std::pair<double, double> norms(const Eigen::MatrixXd& covariance) const;
    // Whether E[1/q] of the left side is infinite, with which slopes of one sample come.
    [[nodiscard]] bool square_diverges(const Eigen::MatrixXd& covariance) const;
    [[nodiscard]] bool has_density(const Eigen::MatrixXd& covariance) const;
    // For functions with kinks: from polynomials, and where these take too many degrees from the density of the ratios.
    [[nodiscard]] std::optional<Result> with_kinks(const Eigen::MatrixXd& covariance, bool slopes, double tolerance) const;
    [[nodiscard]] std::optional<Result> projected(const Eigen::MatrixXd& covariance, bool slopes, double tolerance) const;
    [[nodiscard]] std::optional<Result> by_density(const Eigen::MatrixXd& covariance, bool slopes, double tolerance) const;
    [[nodiscard]] std::optional<Expectation> sum(const Polynomials& powers, const Eigen::MatrixXd& covariance, bool slopes,
                                                 double tolerance) const;
    [[nodiscard]] std::optional<Expectation> sum(const std::pair<Halves, Halves>& powers, const Eigen::MatrixXd& covariance,
                                                 bool slopes, double tolerance) const;
    // K of pairs of nodes, under their weights.
    using Kernel =
        llvm::function_ref<Moments(std::size_t i, std::size_t j, const Eigen::VectorXd& x, const Eigen::VectorXd& y)>;
    [[nodiscard]] std::optional<Expectation> integrate(const Tilts& tilted, Kernel kernel, bool slopes,
                                                       double tolerance) const;
};

} // namespace tpc::joint
