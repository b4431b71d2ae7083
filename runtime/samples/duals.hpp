// The dual kernels of a plan's operations, and the per-sample features (Hermite coefficients) that they reuse.
#pragma once

#include "runtime/gaussian/dual.hpp"
#include "runtime/samples/state.hpp"

#include <map>
#include <memory>
#include <mutex>

namespace tpc::execute {

// Dual kernels by pair of functions and by the largest variance and mean asked for, rounded up to powers of two unless that
// takes them beyond where expectations exist. Thread-safe.
template <class Real> class DualCache {
  public:
    DualCache(const limit::Recursions& recursions, std::optional<double> tolerance);
    // What rounding may leave open, of what is left of a difference.
    [[nodiscard]] double digits() const { return digits_; }
    // `left`, `right`: nothing is the identity. Throws MethodError when no method meets the tolerance,
    // gaussian::NoExpectation when there is nothing to compute.
    const gaussian::Dual<Real>& find(std::optional<ir::ExprId> left, std::optional<ir::ExprId> right,
                                     double largest_variance, double largest_mean);
    // E[phi(a)] of `count` Gaussians.
    void expectation(ir::ExprId phi, std::size_t count, const Real* variance, const Real* mean, Real* result);

  private:
    ir::ExprTable table_;
    ir::ExprId identity_;
    double tolerance_, digits_;
    std::mutex mutex_;
    using Key = std::tuple<std::uint32_t, std::uint32_t, double, double>; // the last two: the regime
    std::map<Key, std::unique_ptr<gaussian::Dual<Real>>> duals_;          // null: refused

    const gaussian::Dual<Real>* find(ir::ExprId phi, ir::ExprId psi, const gaussian::Regime& regime, std::string& reason);
};

// Features of both functions of a dual operation at all elements of the Gaussian's family: [element][feature][sample].
template <class Real> struct DualFeatures {
    const gaussian::Dual<Real>* dual = nullptr;
    const std::vector<Real>* left = nullptr;
    const std::vector<Real>* right = nullptr;
};

} // namespace tpc::execute
