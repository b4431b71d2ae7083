#include "runtime/joint/laplace.hpp"

#include "runtime/joint/root.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

struct Node { // of the integral over one denominator
    double s = 0, weight = 1;
};

// The trapezoidal rule in log s. The integrand behaves as s^(k/2) below and falls at least as s^-1/2 above; it is analytic
// for |Im log s| < pi, so that a step h leaves an error of exp(-2 pi^2 / h).
std::vector<Node> nodes_of(const Quotient& quotient, const Eigen::MatrixXd& covariance, double tolerance) {
    if (quotient.power == 0)
        return {{}};
    const double scale = (quotient.quadratic * covariance).trace() + quotient.offset;
    if (!(scale > 0))
        return {};
    const double digits = 8 - std::log(tolerance); // with a margin for constants
    const double h = 2 * std::numbers::pi * std::numbers::pi / digits;
    const double k = quotient.power;
    const auto below = static_cast<int>(std::ceil(2 * digits / k / h));
    const auto above = static_cast<int>(std::ceil(2 * digits / h));
    std::vector<Node> nodes;
    for (int i = -below; i <= above; ++i) {
        const double s = std::exp(i * h) / scale;
        nodes.push_back({s, h * std::pow(s, k / 2) / std::tgamma(k / 2) * std::exp(-s * quotient.offset)});
    }
    return nodes;
}

} // namespace

std::unique_ptr<Laplace> Laplace::make(const Integrand& integrand, bool slopes) {
    auto result = std::make_unique<Laplace>();
    auto left = quotients(integrand.tape, integrand.left, 0, integrand.left_gaussians, result->table_);
    auto right =
        quotients(integrand.tape, integrand.right, integrand.left_gaussians, integrand.right_gaussians, result->table_);
    if (!left || !right)
        return nullptr;
    for (const auto* side : {&*left, &*right})
        for (const Quotient& quotient : *side)
            if (slopes && quotient.jumps)
                return nullptr;
    result->left_size_ = integrand.left_gaussians;
    result->left_ = std::move(*left);
    result->right_ = std::move(*right);
    // slopes pass through the variances of the tilted law, which homogeneity relates to the covariance
    for (const auto* side : {&result->left_, &result->right_})
        for (const Quotient& quotient : *side)
            if (slopes && !quotient.degree.known && result->denominators())
                return nullptr;
    return result;
}

bool Laplace::denominators() const {
    const auto some = [](const Quotient& quotient) { return quotient.power > 0; };
    return std::ranges::any_of(left_, some) || std::ranges::any_of(right_, some);
}

std::shared_ptr<const gaussian::Dual<double>> Laplace::dual(ir::ExprId phi, ir::ExprId psi, double variance, double mean,
                                                            double tolerance) const {
    const auto power = [](double value) { return value > 0 ? static_cast<int>(std::ceil(std::log2(value))) : -1000; };
    const Key key{phi, psi, power(variance), power(mean), tolerance};
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = duals_.try_emplace(key);
    if (fresh) {
        std::string reason;
        const auto bound = [](int exponent) { return exponent == -1000 ? 0.0 : std::exp2(exponent); };
        place->second = gaussian::make_dual<double>({&table_, phi}, {&table_, psi},
                                                    {bound(power(variance)), bound(power(mean))}, {tolerance}, &reason);
    }
    return place->second;
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
    const Eigen::Index n = covariance.rows();
    const Eigen::Index rest = n - left_size_;
    const bool denominators = left.power > 0 || right.power > 0;
    if (denominators && !mean.isZero(0))
        return false;
    Eigen::VectorXd w = Eigen::VectorXd::Zero(n);
    Eigen::VectorXd v = Eigen::VectorXd::Zero(n);
    w.head(left_size_) = left.form;
    v.tail(rest) = right.form;
    const std::vector<Node> left_nodes = nodes_of(left, covariance.topLeftCorner(left_size_, left_size_), tolerance);
    const std::vector<Node> right_nodes = nodes_of(right, covariance.bottomRightCorner(rest, rest), tolerance);

    // With C = R R' and S = I + R' M R, where M is the blocks 2 s Q: the tilted law has the covariance R S^-1 R' and the
    // weight det S^-1/2. Nothing cancels, for degenerate laws and equal samples either.
    const Eigen::MatrixXd R = principal_root(covariance);
    const Eigen::Index rank = R.cols();
    const auto half = [&](const Quotient& quotient, const auto& rows) {
        return quotient.power > 0 ? Eigen::MatrixXd(quotient.quadratic * rows)
                                  : Eigen::MatrixXd(Eigen::MatrixXd::Zero(rows.rows(), rank));
    };
    const Eigen::MatrixXd left_half = half(left, R.topRows(left_size_)); // Q R
    const Eigen::MatrixXd right_half = half(right, R.bottomRows(rest));
    const Eigen::MatrixXd left_gram = R.topRows(left_size_).transpose() * left_half;
    const Eigen::MatrixXd right_gram = R.bottomRows(rest).transpose() * right_half;
    const Eigen::VectorXd Rw = R.transpose() * w;
    const Eigen::VectorXd Rv = R.transpose() * v;

    struct Tilted {
        double weight = 0, s = 0, t = 0;
        Eigen::MatrixXd cholesky;
        double c = 0;
    };
    std::vector<Tilted> tilted;
    std::vector<double> A, B, minus, plus, mean_a, mean_b;
    double variance = 0;
    for (const Node& s : left_nodes)
        for (const Node& t : right_nodes) {
            const Eigen::LLT<Eigen::MatrixXd> S(Eigen::MatrixXd::Identity(rank, rank) + 2 * s.s * left_gram +
                                                2 * t.s * right_gram);
            const Eigen::VectorXd x = S.matrixL().solve(Rw);
            const Eigen::VectorXd y = S.matrixL().solve(Rv);
            double root = 1; // det S^1/2
            for (Eigen::Index k = 0; k < rank; ++k)
                root *= S.matrixLLT()(k, k);
            const double a = x.squaredNorm();
            const double b = y.squaredNorm();
            const double scale = a > 0 && b > 0 ? std::sqrt(std::sqrt(b / a)) : 0;
            A.push_back(a);
            B.push_back(b);
            minus.push_back(scale > 0 ? (scale * x - y / scale).squaredNorm() : 0);
            plus.push_back(scale > 0 ? (scale * x + y / scale).squaredNorm() : 0);
            mean_a.push_back(w.dot(mean));
            mean_b.push_back(v.dot(mean));
            variance = std::max({variance, a, b});
            tilted.push_back({s.weight * t.weight / root, s.s, t.s,
                              slopes && denominators ? S.matrixLLT() : Eigen::MatrixXd(), x.dot(y)});
        }

    // K = E[phi psi] and its derivative by the covariance, node by node
    const std::size_t count = tilted.size();
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
        const auto dual = this->dual(left.numerator, right.numerator, variance, largest_mean, tolerance);
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
                       {nullptr, low.data(), high.data(), slope.data()});
        for (std::size_t k = 0; k < count; ++k)
            K[k] = (high[k] - low[k]) / 4;
    }

    // What the last nodes still add tells whether the integrals converge: E[1 / z'Q z] of rank 2 is infinite.
    double most = 0;
    double edge = 0;
    for (std::size_t k = 0; k < count; ++k) {
        const Tilted& one = tilted[k];
        sum.value += one.weight * K[k];
        const bool last = (left.power > 0 && k / right_nodes.size() + 1 == left_nodes.size()) ||
                          (right.power > 0 && k % right_nodes.size() + 1 == right_nodes.size());
        const auto note = [&](double added) {
            most = std::max(most, added);
            if (last)
                edge = std::max(edge, added);
        };
        note(std::abs(one.weight * K[k]));
        if (!slopes)
            continue;
        if (!denominators) {
            sum.slopes += slope[k] * left.form * right.form.transpose();
            continue;
        }
        // d K by an entry of the cross covariance, through the determinant and the three moments of the tilted law; by Euler
        // A dK/dA + c/2 dK/dc = degree/2 K
        const auto solve = [&](Eigen::VectorXd x) {
            one.cholesky.triangularView<Eigen::Lower>().solveInPlace(x);
            one.cholesky.transpose().triangularView<Eigen::Upper>().solveInPlace(x);
            return x;
        };
        const Eigen::VectorXd yw = solve(Rw);
        const Eigen::VectorXd yv = solve(Rv);
        Eigen::VectorXd u = w; // (I - M R S^-1 R') w
        Eigen::VectorXd r = v;
        u.head(left_size_) -= 2 * one.s * left_half * yw;
        u.tail(rest) -= 2 * one.t * right_half * yw;
        r.head(left_size_) -= 2 * one.s * left_half * yv;
        r.tail(rest) -= 2 * one.t * right_half * yv;
        Eigen::MatrixXd inner = right_half.transpose(); // S^-1 (Q R)'
        one.cholesky.triangularView<Eigen::Lower>().solveInPlace(inner);
        one.cholesky.transpose().triangularView<Eigen::Upper>().solveInPlace(inner);
        const double c = one.c;
        const double by_A = A[k] > 0 ? (left.degree.value * K[k] - c * slope[k]) / (2 * A[k]) : 0;
        const double by_B = B[k] > 0 ? (right.degree.value * K[k] - c * slope[k]) / (2 * B[k]) : 0;
        const auto outer = [&](const Eigen::VectorXd& x, const Eigen::VectorXd& y) {
            return (x.head(left_size_) * y.tail(rest).transpose()).eval();
        };
        const Eigen::MatrixXd slopes_here =
            one.weight * (4 * one.s * one.t * K[k] * left_half * inner + 2 * by_A * outer(u, u) + 2 * by_B * outer(r, r) +
                          slope[k] * (outer(u, r) + outer(r, u)));
        sum.slopes += slopes_here;
        note(slopes_here.cwiseAbs().maxCoeff());
    }
    return edge <= 100 * tolerance * most;
}

} // namespace tpc::joint
