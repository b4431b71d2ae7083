#include "runtime/samples/duals.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace tpc::execute {
namespace {
ir::ExprId add_identity(ir::ExprTable& table) {
    ir::Node variable;
    variable.op = ir::Op::variable;
    variable.type = ir::Type::vector;
    return table.add(variable);
}
constexpr double usual_tolerance = 1e-8, usual_single = 1e-4;
} // namespace

template <class Real>
DualCache<Real>::DualCache(const limit::Recursions& recursions, std::optional<double> tolerance)
    : table_(recursions.network.program.exprs), identity_(add_identity(table_)),
      tolerance_(tolerance.value_or(usual_tolerance)),
      digits_(tolerance.value_or(std::is_same_v<Real, float> ? usual_single : usual_tolerance)) {}

template <class Real>
const gaussian::Dual<Real>& DualCache<Real>::find(std::optional<ir::ExprId> left, std::optional<ir::ExprId> right,
                                                  double largest_variance, double largest_mean) {
    const ir::ExprId phi = left.value_or(identity_);
    const ir::ExprId psi = right.value_or(identity_);
    if (!std::isfinite(largest_variance) || !std::isfinite(largest_mean))
        throw gaussian::NoExpectation(not_finite);
    const gaussian::Regime regime{largest_variance, largest_mean};
    const std::lock_guard lock(mutex_);
    std::string reason;
    try {
        if (const auto* dual = find(phi, psi, gaussian::rounded_up(regime), reason))
            return *dual;
    } catch (const gaussian::NoExpectation&) { // of so large a variance; that of the data may be smaller
    }
    if (const auto* dual = find(phi, psi, regime, reason))
        return *dual;
    throw MethodError(reason);
}

template <class Real>
const gaussian::Dual<Real>* DualCache<Real>::find(ir::ExprId phi, ir::ExprId psi, const gaussian::Regime& regime,
                                                  std::string& reason) {
    const Key key{static_cast<std::uint32_t>(phi), static_cast<std::uint32_t>(psi), regime.largest_variance,
                  regime.largest_mean};
    if (const auto known = duals_.find(key); known != duals_.end())
        return known->second.get();
    std::unique_ptr<gaussian::Dual<Real>> dual;
    // Errors of single expectations add up and are not stated: a coarse tolerance is for what cannot be had finer.
    for (const double tolerance : {std::min(tolerance_, usual_tolerance), tolerance_})
        if (!dual)
            dual = gaussian::make_dual<Real>({&table_, phi}, {&table_, psi}, regime, {tolerance}, &reason);
    return duals_.emplace(key, std::move(dual)).first->second.get();
}

template <class Real>
void DualCache<Real>::expectation(ir::ExprId phi, std::size_t count, const Real* variance, const Real* mean, Real* result) {
    std::string reason;
    if (!gaussian::expectation<Real>({&table_, phi}, count, variance, mean, result, tolerance_, &reason))
        throw MethodError(reason);
}

template class DualCache<double>;
template class DualCache<float>;

} // namespace tpc::execute
