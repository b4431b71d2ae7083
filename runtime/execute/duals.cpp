#include "runtime/execute/duals.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::execute {
namespace {
ir::ExprId add_identity(ir::ExprTable& table) {
    ir::Node variable;
    variable.op = ir::Op::variable;
    variable.type = ir::Type::vector;
    return table.add(variable);
}
constexpr double usual_tolerance = 1e-8;

int power_above(double value) {
    return value > 0 ? static_cast<int>(std::ceil(std::log2(value))) : -1000;
}
} // namespace

template <class Real>
DualCache<Real>::DualCache(const limit::Recursions& recursions, double tolerance)
    : table_(recursions.network.program.exprs), identity_(add_identity(table_)), tolerance_(tolerance) {}

template <class Real>
const gaussian::Dual<Real>& DualCache<Real>::find(std::optional<ir::ExprId> left, std::optional<ir::ExprId> right,
                                                  double largest_variance, double largest_mean) {
    const ir::ExprId phi = left.value_or(identity_);
    const ir::ExprId psi = right.value_or(identity_);
    if (!std::isfinite(largest_variance) || !std::isfinite(largest_mean))
        throw MethodError("a variance is not finite: the kernel diverges");
    const Key key{static_cast<std::uint32_t>(phi), static_cast<std::uint32_t>(psi), power_above(largest_variance),
                  power_above(largest_mean)};
    const std::lock_guard lock(mutex_);
    auto& dual = duals_[key];
    if (!dual) {
        const auto bound = [](int power) { return power == -1000 ? 0.0 : std::exp2(power); };
        std::string reason;
        // Errors of single expectations add up and are not stated: a coarse tolerance is for what cannot be had finer.
        for (const double tolerance : {std::min(tolerance_, usual_tolerance), tolerance_})
            if (!dual)
                dual = gaussian::make_dual<Real>({&table_, phi}, {&table_, psi},
                                                 {bound(std::get<2>(key)), bound(std::get<3>(key))}, {tolerance}, &reason);
        if (!dual)
            throw MethodError(reason);
    }
    return *dual;
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
