#include "runtime/ratios/laplace.hpp"

#include "runtime/ratios/tilt.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::joint {
namespace {

Norm norm_of(const Quotient& quotient, bool slopes) {
    if (quotient.power == 0)
        return {};
    const double degree = quotient.degree.known ? quotient.degree.value : 0;
    return {quotient.quadratic, quotient.offset, static_cast<double>(quotient.power),
            std::max(0.0, quotient.power - degree) + (slopes ? 1 : 0)};
}

} // namespace

std::unique_ptr<Laplace> Laplace::make(const Integrand& integrand, bool slopes) {
    auto result = std::make_unique<Laplace>();
    auto left = quotients(integrand.tape, integrand.left, 0, integrand.left_gaussians, result->table_);
    auto right =
        quotients(integrand.tape, integrand.right, integrand.left_gaussians, integrand.right_gaussians, result->table_);
    if (!left || !right)
        return nullptr;
    result->left_size_ = integrand.left_gaussians;
    result->left_ = std::move(*left);
    result->right_ = std::move(*right);
    // slopes pass through the variances of the tilted law, which homogeneity relates to the covariance (Price)
    for (const auto* side : {&result->left_, &result->right_})
        for (const Quotient& quotient : *side)
            if (slopes && result->denominators() && (!quotient.degree.known || quotient.jumps))
                return nullptr;
    return result;
}

bool Laplace::denominators() const {
    const auto some = [](const Quotient& quotient) { return quotient.power > 0; };
    return std::ranges::any_of(left_, some) || std::ranges::any_of(right_, some);
}

std::shared_ptr<const gaussian::Dual<double>> Laplace::dual(ir::ExprId phi, ir::ExprId psi, const gaussian::Regime& regime,
                                                            double tolerance) const {
    const auto make = [&](const gaussian::Regime& wanted) -> std::shared_ptr<const gaussian::Dual<double>> {
        std::string reason;
        try {
            return gaussian::make_dual<double>({&table_, phi}, {&table_, psi}, wanted, {tolerance}, &reason);
        } catch (const gaussian::NoExpectation&) { // of one function: a factor may make up for it
            return nullptr;
        }
    };
    const gaussian::Regime rounded = gaussian::rounded_up(regime);
    {
        const std::lock_guard lock(mutex_);
        const auto [place, fresh] =
            duals_.try_emplace({phi, psi, rounded.largest_variance, rounded.largest_mean, tolerance});
        if (fresh)
            place->second = make(rounded);
        if (place->second)
            return place->second;
    }
    return make(regime);
}

std::optional<Expectation> Laplace::operator()(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance, bool slopes,
                                               double tolerance) const {
    Expectation sum;
    if (slopes)
        sum.slopes = Eigen::MatrixXd::Zero(left_size_, covariance.rows() - left_size_);
    for (const Quotient& left : left_)
        for (const Quotient& right : right_)
            if (!pair(left, right, mean, covariance, slopes, tolerance, sum))
                return std::nullopt;
    return sum;
}

bool Laplace::pair(const Quotient& left, const Quotient& right, const Eigen::VectorXd& mean,
                   const Eigen::MatrixXd& covariance, bool slopes, double tolerance, Expectation& sum) const {
    const Eigen::Index rest = covariance.rows() - left_size_;
    const bool denominators = left.power > 0 || right.power > 0;
    if (denominators && !mean.isZero(0))
        return false;
    const Tilts& tilted =
        tilts(covariance, left_size_, norm_of(left, slopes), norm_of(right, slopes), tolerance, slopes && denominators);
    const std::size_t columns = tilted.right.nodes.size();
    std::vector<double> A, B, minus, plus, mean_a, mean_b, covariances, weights;
    double variance = 0;
    for (std::size_t i = 0; i < tilted.left.nodes.size(); ++i)
        for (std::size_t j = 0; j < columns; ++j) {
            const Tilt& tilt = tilted.at(i, j);
            const Eigen::VectorXd x = tilt.Y.leftCols(left_size_) * left.form;
            const Eigen::VectorXd y = tilt.Y.rightCols(rest) * right.form;
            const double a = x.squaredNorm();
            const double b = y.squaredNorm();
            const double scale = a > 0 && b > 0 ? std::sqrt(std::sqrt(b / a)) : 0;
            A.push_back(a);
            B.push_back(b);
            minus.push_back(scale > 0 ? (scale * x - y / scale).squaredNorm() : 0);
            plus.push_back(scale > 0 ? (scale * x + y / scale).squaredNorm() : 0);
            mean_a.push_back(left.form.dot(mean.head(left_size_)));
            mean_b.push_back(right.form.dot(mean.tail(rest)));
            variance = std::max({variance, a, b});
            covariances.push_back(x.dot(y));
            weights.push_back(tilt.weight * tilted.left.weight(i, left.offset, left.power) *
                              tilted.right.weight(j, right.offset, right.power));
        }

    // K = E[phi psi] and its derivative by the covariance, node by node
    const std::size_t count = tilted.all.size();
    std::vector<double> K(count), slope(count, 0);
    std::string reason;
    if (left.constant || right.constant) {
        const bool both = left.constant && right.constant;
        const Quotient& other = left.constant ? right : left;
        const double factor = left.constant ? *left.constant : *right.constant;
        if (both)
            std::fill(K.begin(), K.end(), factor * *right.constant);
        else if (!gaussian::expectation<double>({&table_, other.numerator}, count, (left.constant ? B : A).data(),
                                                (left.constant ? mean_b : mean_a).data(), K.data(), tolerance, &reason))
            return false;
        for (double& value : K)
            value *= both ? 1 : factor;
    } else {
        const double largest_mean =
            std::max(std::abs(mean_a.empty() ? 0 : mean_a[0]), std::abs(mean_b.empty() ? 0 : mean_b[0]));
        const auto dual = this->dual(left.numerator, right.numerator, {variance, largest_mean}, tolerance);
        if (!dual)
            return false;
        gaussian::Gaussians<double> g;
        g.count = count;
        g.variance_a = {A.data(), 1};
        g.variance_b = {B.data(), 1};
        g.minus = {minus.data(), 1};
        g.plus = {plus.data(), 1};
        const bool centred = largest_mean == 0;
        if (!centred) {
            g.mean_a = {mean_a.data(), 1};
            g.mean_b = {mean_b.data(), 1};
        }
        const std::size_t features = dual->features();
        std::vector<double> on_left(features * count), on_right(features * count);
        if (features > 0) {
            dual->prepare(0, count, A.data(), centred ? nullptr : mean_a.data(), on_left.data(), count);
            dual->prepare(1, count, B.data(), centred ? nullptr : mean_b.data(), on_right.data(), count);
        }
        std::vector<double> low(count), high(count);
        dual->evaluate(g, {{on_left.data(), 1}, count}, {{on_right.data(), 1}, count},
                       {nullptr, low.data(), high.data(), slopes ? slope.data() : nullptr});
        for (std::size_t k = 0; k < count; ++k)
            K[k] = (high[k] - low[k]) / 4;
    }

    // What the last nodes still add tells whether the integrals converge: E[1 / z'Q z] of rank 2 is infinite.
    double most = 0;
    double edge = 0;
    for (std::size_t k = 0; k < count; ++k) {
        const Tilt& one = tilted.all[k];
        sum.value += weights[k] * K[k];
        const bool last = tilted.last(k / columns, k % columns);
        const auto note = [&](double added) {
            most = std::max(most, added);
            if (last)
                edge = std::max(edge, added);
        };
        note(std::abs(weights[k] * K[k]));
        if (!slopes)
            continue;
        if (!denominators) {
            sum.slopes += slope[k] * left.form * right.form.transpose();
            continue;
        }
        // d K by an entry of the cross covariance, through the determinant and the three moments of the tilted law; by Euler
        // A dK/dA + c/2 dK/dc = degree/2 K
        const double c = covariances[k];
        const double by_A = A[k] > 0 ? (left.degree.value * K[k] - c * slope[k]) / (2 * A[k]) : 0;
        const double by_B = B[k] > 0 ? (right.degree.value * K[k] - c * slope[k]) / (2 * B[k]) : 0;
        const Eigen::MatrixXd slopes_here =
            weights[k] * cross_derivative(one, left.form, right.form, {K[k], by_A, by_B, slope[k]});
        sum.slopes += slopes_here;
        note(largest_entry(slopes_here));
    }
    return edge <= 100 * tolerance * most;
}

} // namespace tpc::joint
