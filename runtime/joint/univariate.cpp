#include "runtime/joint/univariate.hpp"

#include "runtime/gaussian/dual.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::joint {
namespace {

// A node over variable 0, which stands for the only Gaussian that it depends on.
ir::ExprId expression(const Tape& tape, NodeId id, const std::vector<double>& samples, ir::ExprTable& table) {
    std::vector<ir::ExprId> all; // operands come before what is made of them
    for (NodeId k = 0; k <= id; ++k) {
        const TapeNode& node = tape.nodes()[k];
        switch (node.kind) {
        case TapeNode::Kind::number:
            all.push_back(table.number(node.number));
            break;
        case TapeNode::Kind::sample:
            all.push_back(table.number(samples[node.index]));
            break;
        case TapeNode::Kind::gaussian: {
            ir::Node variable;
            variable.op = ir::Op::variable;
            variable.type = ir::Type::vector;
            all.push_back(table.add(variable));
            break;
        }
        case TapeNode::Kind::apply:
            all.push_back(ir::is_binary(node.function) ? table.apply(node.function, {all[node.a], all[node.b]})
                                                       : table.apply(node.function, {all[node.a]}));
            break;
        }
    }
    return all[id];
}

struct Features {
    std::vector<double> values;
    Features(const gaussian::Dual<double>& dual, int side, double variance, double mean) : values(dual.features()) {
        dual.prepare(side, 1, &variance, &mean, values.data(), 1);
    }
    [[nodiscard]] gaussian::Dual<double>::Features lane() const { return {{values.data(), 0}, 1}; }
};

} // namespace

bool is_univariate(const Integrand& integrand) {
    return integrand.left_gaussians <= 1 && integrand.right_gaussians <= 1;
}

std::optional<Expectation> by_dual_kernel(const Integrand& integrand, const Eigen::VectorXd& mean,
                                          const Eigen::MatrixXd& covariance, const std::vector<double>& samples, bool slopes,
                                          double tolerance) {
    ir::ExprTable table;
    const gaussian::Activation phi{&table, expression(integrand.tape, integrand.left, samples, table)};
    const gaussian::Activation psi{&table, expression(integrand.tape, integrand.right, samples, table)};
    // A side without a Gaussian is a constant, whose Gaussian may be any.
    const bool both = integrand.left_gaussians == 1 && integrand.right_gaussians == 1;
    const Eigen::Index last = mean.size() - 1;
    if (last < 0)
        return std::nullopt;
    const double A = std::max(covariance(0, 0), 0.0), B = std::max(covariance(last, last), 0.0);
    const double norm = std::sqrt(A) * std::sqrt(B), c = both ? std::clamp(covariance(0, last), -norm, norm) : 0;
    const gaussian::Regime regime{std::max(A, B), std::max(std::abs(mean(0)), std::abs(mean(last)))};
    const double minus = 2 * (norm - c), plus = 2 * (norm + c);
    const bool coincide = minus == 0 && A == B && mean(0) == mean(last) && ir::same(table, phi.expression, psi.expression);
    double value = 0, slope = 0;
    try {
        std::string reason;
        const auto dual = gaussian::make_dual<double>(phi, psi, regime, {tolerance}, &reason);
        if (!dual)
            return std::nullopt;
        const Features left(*dual, 0, A, mean(0)), right(*dual, 1, B, mean(last));
        dual->evaluate({1, {&A, 0}, {&B, 0}, {&mean(0), 0}, {&mean(last), 0}, {&minus, 0}, {&plus, 0}}, left.lane(),
                       right.lane(), {&value, nullptr, nullptr, slopes ? &slope : nullptr});
    } catch (const gaussian::NoExpectation&) { // of the second moment of one side; the product's may exist
        if (coincide)
            throw;
        return std::nullopt;
    } catch (const std::domain_error&) {
        return std::nullopt;
    }
    if (!std::isfinite(value) || !std::isfinite(slope))
        return std::nullopt;
    Expectation result;
    result.value = value;
    if (slopes)
        result.slopes = Eigen::MatrixXd::Constant(integrand.left_gaussians, integrand.right_gaussians, slope);
    return result;
}

} // namespace tpc::joint
