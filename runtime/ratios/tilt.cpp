#include "runtime/ratios/tilt.hpp"

#include "runtime/gaussian/dual.hpp"
#include "runtime/points/root.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

// The integrand behaves as s^(k/2) below, which log s = x - exp(-x - shift) turns into a double exponential (Takahasi and
// Mori, 1974); above it falls as the determinant, of which `root` (of the own covariance) knows the eigenvalues. It is
// analytic for |Im x| < pi / 2, so that a step h leaves an error of exp(-pi^2 / h).
LaplaceRule rule_of(const Norm& norm, const Eigen::MatrixXd& root, double tolerance) {
    constexpr double shift = 1.5; // the bend lies below the eigenvalues
    LaplaceRule rule;
    if (norm.none()) {
        rule.nodes = {0};
        rule.widths = {0};
        return rule;
    }
    const Eigen::MatrixXd gram = root.transpose() * norm.quadratic * root;
    const double scale = gram.trace() + norm.offset;
    constexpr double rounding = 1e-13; // as in principal_root
    const Eigen::VectorXd deviations = root.rowwise().norm();
    if (norm.offset == 0 && !(scale > rounding * deviations.dot(norm.quadratic.cwiseAbs() * deviations)))
        throw gaussian::NoExpectation("a norm of Gaussians that do not vary divides zero by zero");
    Eigen::VectorXd eigenvalues; // none where nothing varies, as in a batch of equal rows
    if (gram.size() > 0)
        eigenvalues = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(gram, Eigen::EigenvaluesOnly).eigenvalues();
    if (norm.constant) {
        rule.nodes.push_back(0);
        rule.widths.push_back(0);
    }
    const double digits = 8 - std::log(tolerance); // with a margin for constants
    const double h = std::numbers::pi * std::numbers::pi / digits;
    const auto below = static_cast<int>(std::ceil((std::log(2 * digits / norm.least) + shift) / h));
    const auto above = static_cast<int>(std::ceil(2 * digits / h));
    for (int i = -below; i <= above; ++i) {
        const double bend = std::exp(-i * h - shift);
        const double s = std::exp(i * h - bend) / scale;
        rule.nodes.push_back(s);
        rule.widths.push_back(h * (1 + bend));
        double log = norm.growth * std::log1p(s * scale) - s * norm.offset;
        for (const double lambda : eigenvalues)
            log -= std::log1p(2 * s * std::max(lambda, 0.0)) / 2;
        if (i > 0 && log < -digits)
            break;
    }
    return rule;
}

} // namespace

double LaplaceRule::weight(std::size_t i, double offset, int power) const {
    const double k = power;
    return power == 0 ? 1 : widths[i] * std::pow(nodes[i], k / 2) / std::tgamma(k / 2) * std::exp(-nodes[i] * offset);
}

Eigen::MatrixXd cross_derivative(const Tilt& tilt, const Eigen::VectorXd& w, const Eigen::VectorXd& v,
                                 const Moments& moments) {
    const Eigen::Index lefts = w.size();
    const Eigen::Index rest = v.size();
    Eigen::VectorXd u = -tilt.MG.leftCols(lefts) * w; // (I - M G) w
    u.head(lefts) += w;
    Eigen::VectorXd r = -tilt.MG.rightCols(rest) * v;
    r.tail(rest) += v;
    Eigen::MatrixXd result = moments.value * tilt.MGM;
    result.noalias() += u.head(lefts) * (2 * moments.by_A * u.tail(rest) + moments.by_c * r.tail(rest)).transpose();
    result.noalias() += r.head(lefts) * (2 * moments.by_B * r.tail(rest) + moments.by_c * u.tail(rest)).transpose();
    return result;
}

double largest_entry(const Eigen::MatrixXd& matrix) {
    return matrix.size() > 0 ? matrix.cwiseAbs().maxCoeff() : 0;
}

// With C = R R' and S = I + R' M R, where M is the blocks 2 s Q: the tilted law has the covariance R S^-1 R' and the weight
// det S^-1/2. Nothing cancels, for degenerate laws and equal samples either.
const Tilts& tilts(const Eigen::MatrixXd& covariance, Eigen::Index lefts, const Norm& left, const Norm& right,
                   double tolerance, bool derivatives) {
    struct Last {
        Eigen::MatrixXd covariance;
        Eigen::Index lefts = -1;
        Norm left, right;
        double tolerance = 0;
        bool derivatives = false;
        Tilts tilts;
    };
    thread_local Last last;
    if (last.lefts == lefts && last.tolerance == tolerance && last.derivatives >= derivatives &&
        last.covariance.rows() == covariance.rows() && last.covariance == covariance && last.left == left &&
        last.right == right)
        return last.tilts;
    const Eigen::Index rest = covariance.rows() - lefts;
    last = {covariance, lefts, left, right, tolerance, derivatives, {}};
    Tilts& result = last.tilts;
    result.left = rule_of(left, principal_root(covariance.topLeftCorner(lefts, lefts)), tolerance);
    result.right = rule_of(right, principal_root(covariance.bottomRightCorner(rest, rest)), tolerance);
    const Eigen::MatrixXd R = principal_root(covariance);
    const Eigen::Index rank = R.cols();
    const auto gram = [&](const Norm& norm, const Eigen::MatrixXd& rows) -> Eigen::MatrixXd {
        if (norm.none())
            return Eigen::MatrixXd::Zero(rank, rank);
        return rows.transpose() * norm.quadratic * rows;
    };
    const Eigen::MatrixXd left_gram = gram(left, R.topRows(lefts));
    const Eigen::MatrixXd right_gram = gram(right, R.bottomRows(rest));
    Eigen::LLT<Eigen::MatrixXd> S(rank);
    for (const double s : result.left.nodes)
        for (const double t : result.right.nodes) {
            S.compute(Eigen::MatrixXd::Identity(rank, rank) + 2 * s * left_gram + 2 * t * right_gram);
            Tilt tilt;
            for (Eigen::Index k = 0; k < rank; ++k)
                tilt.weight /= S.matrixLLT()(k, k);
            tilt.Y = R.transpose();
            S.matrixL().solveInPlace(tilt.Y);
            if (derivatives) {
                Eigen::MatrixXd MY = Eigen::MatrixXd::Zero(covariance.rows(), rank); // M Y'
                if (!left.none())
                    MY.topRows(lefts).noalias() = 2 * s * left.quadratic * tilt.Y.leftCols(lefts).transpose();
                if (!right.none())
                    MY.bottomRows(rest).noalias() = 2 * t * right.quadratic * tilt.Y.rightCols(rest).transpose();
                tilt.MG.noalias() = MY * tilt.Y;
                tilt.MGM.noalias() = MY.topRows(lefts) * MY.bottomRows(rest).transpose();
            }
            result.all.push_back(std::move(tilt));
        }
    return result;
}

} // namespace tpc::joint
