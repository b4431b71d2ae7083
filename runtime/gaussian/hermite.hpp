// Normalised Hermite coefficients of one activation by quadrature.
#pragma once

#include "runtime/gaussian/univariate.hpp"

#include <Eigen/Core>

#include <array>
#include <memory>

namespace tpc::gaussian {

// values[k] = E[phi(m + s z) he_k(z)], slopes[k] = E[phi'(m + s z) he_k(z)], he_k = He_k / sqrt(k!), k < terms; and the
// norms E[phi^2], E[phi'^2] by the same rule.
struct HermiteCoefficients {
    Eigen::VectorXd values, slopes;
    double value_norm = 0, slope_norm = 0;
};

// A rule for sum over nodes of phi(m + s z) he_k(z) w(z): even he_k meet phi(m + s z) + phi(m - s z) at the nodes z >= 0,
// odd ones the difference.
class HermiteRule {
  public:
    // Nodes on [-extent, extent], an odd number of them, trapezoidal: spectral for smooth functions.
    HermiteRule(std::size_t terms, std::size_t nodes, double extent);
    [[nodiscard]] HermiteCoefficients operator()(const Univariate& phi, double variance, double mean) const;
    [[nodiscard]] std::size_t terms() const { return terms_; }
    [[nodiscard]] std::size_t nodes() const { return static_cast<std::size_t>(2 * nodes_.size() - 1); }
    [[nodiscard]] double extent() const { return nodes_(nodes_.size() - 1); }

  private:
    std::size_t terms_;
    Eigen::VectorXd nodes_, root_weight_;  // nodes >= 0
    std::array<Eigen::MatrixXd, 2> basis_; // of even and of odd k: he_k(z_j) sqrt(w(z_j)) in column j
};

// The rule of these sizes; the latest ones are kept, because a plan asks for the same few again and again.
std::shared_ptr<const HermiteRule> hermite_rule(std::size_t terms, std::size_t nodes, double extent);

// The same for a function with kinks or jumps (in closed form): Gauss-Legendre panels that end at them.
HermiteCoefficients kinked_coefficients(const Univariate& phi, std::size_t terms, double variance, double mean);

// On panels, in z, on which phi and phi' are resolved.
HermiteCoefficients panel_coefficients(const Univariate& phi, std::size_t terms, double variance, double mean,
                                       const std::vector<double>& edges);

} // namespace tpc::gaussian
