#include "runtime/ratios/contour.hpp"

#include "runtime/points/root.hpp"

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

// `share` of the distance to the singularity below 0 that the other side leaves.
Contour contour(const Form& form, const Eigen::MatrixXd& gram, double share, double bend, bool upper, double nearest,
                Eigen::Index left_out, const Resolution& resolution) {
    const Eigen::VectorXd values =
        Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(gram, Eigen::EigenvaluesOnly).eigenvalues();
    const double largest = values[values.size() - 1];
    const double a = share / (4 * largest);
    // As far as exp(-s c) and (1 + |s| lambda)^-1/2 of all directions need to fall, but of those that slopes leave out.
    const auto fallen = [&](double s) {
        double log = std::sin(-bend) * s * form.offset;
        for (Eigen::Index k = left_out; k < values.size(); ++k)
            log += std::log1p(s * nearest * std::max(values[values.size() - 1 - k], 0.0)) / 2;
        return log;
    };
    Contour result;
    for (int k = 0; k < 400; ++k) {
        const double u = (k + 0.5) * resolution.step;
        for (const double sign : {1.0, -1.0}) {
            if (sign < 0 && upper)
                continue;
            const Complex point(sign * u, bend);
            const Complex s = -a + Complex(0, a) * std::sinh(point);
            result.nodes.push_back(s);
            result.weights.push_back(resolution.step * a * std::cosh(point) / (2 * std::numbers::pi) *
                                     std::exp(-s * form.offset));
        }
        if (fallen(a * std::sinh(u)) > resolution.digits)
            break;
    }
    return result;
}

// S = L D L^T, complex symmetric with a positive definite real part, so that pivots have one, too.
class Symmetric {
  public:
    explicit Symmetric(Eigen::MatrixXcd S) : S_(std::move(S)) {
        const Eigen::Index n = S_.rows();
        for (Eigen::Index k = 0; k < n; ++k) {
            const Complex root = std::sqrt(S_(k, k));
            weight /= root;
            S_.col(k).tail(n - k) /= root; // L D^1/2
            for (Eigen::Index j = k + 1; j < n; ++j)
                S_.col(j).tail(n - j) -= S_(j, k) * S_.col(k).tail(n - j);
        }
    }
    Complex weight = 1; // det S^-1/2
    void solve_in_place(Eigen::MatrixXcd& Y) const { S_.triangularView<Eigen::Lower>().solveInPlace(Y); }

  private:
    Eigen::MatrixXcd S_;
};

} // namespace

std::vector<ComplexTilt> contour_tilts(const Eigen::MatrixXd& covariance, const Form& form, double nearest,
                                       const Resolution& resolution) {
    const Eigen::MatrixXd R = principal_root(covariance);
    const Eigen::MatrixXd gram = R.transpose() * form.quadratic * R;
    // exp(-s c) falls where s grows to the right, between no bend and -pi / 2, where the other singularities lie
    Resolution own = resolution;
    own.step *= form.offset > 0 ? 0.5 : 1;
    const double bend = form.offset > 0 ? -std::numbers::pi / 4 : 0;
    const Contour line = contour(form, gram, 1, bend, true, nearest, 2, own);
    std::vector<ComplexTilt> result;
    for (std::size_t i = 0; i < line.nodes.size(); ++i) {
        const Symmetric S(Eigen::MatrixXcd::Identity(R.cols(), R.cols()) + 2.0 * line.nodes[i] * gram);
        ComplexTilt tilt{line.nodes[i], 0, 2.0 * line.weights[i] * S.weight, R.transpose().cast<Complex>()};
        S.solve_in_place(tilt.Y);
        result.push_back(std::move(tilt));
    }
    return result;
}

const std::vector<ComplexTilt>& contour_tilts(const Eigen::MatrixXd& covariance, Eigen::Index lefts, const Form& left,
                                              const Form& right, double nearest, const Resolution& resolution) {
    struct Last {
        Eigen::MatrixXd covariance;
        Eigen::Index lefts = -1;
        Form left, right;
        double nearest = 0, step = 0, digits = 0;
        std::vector<ComplexTilt> tilts;
    };
    thread_local std::vector<Last> kept; // by resolution
    const auto found = std::ranges::find_if(kept, [&](const Last& last) { return last.step == resolution.step; });
    if (found != kept.end() && found->lefts == lefts && found->covariance.rows() == covariance.rows() &&
        found->covariance == covariance && found->left == left && found->right == right && found->nearest == nearest &&
        found->digits == resolution.digits)
        return found->tilts;
    Last& last = found != kept.end() ? *found : kept.emplace_back();
    last = {covariance, lefts, left, right, nearest, resolution.step, resolution.digits, {}};
    const Eigen::Index rest = covariance.rows() - lefts;
    const Eigen::MatrixXd R = principal_root(covariance);
    const Eigen::MatrixXd left_gram = R.topRows(lefts).transpose() * left.quadratic * R.topRows(lefts);
    const Eigen::MatrixXd right_gram = R.bottomRows(rest).transpose() * right.quadratic * R.bottomRows(rest);
    const Eigen::MatrixXd left_root = principal_root(covariance.topLeftCorner(lefts, lefts));
    const Eigen::MatrixXd right_root = principal_root(covariance.bottomRightCorner(rest, rest));
    const Contour lines[] = {
        contour(left, left_root.transpose() * left.quadratic * left_root, 0.5, 0, false, nearest, 1, resolution),
        contour(right, right_root.transpose() * right.quadratic * right_root, 0.5, 0, true, nearest, 1, resolution)};
    for (std::size_t i = 0; i < lines[0].nodes.size(); ++i)
        for (std::size_t j = 0; j < lines[1].nodes.size(); ++j) {
            const Complex s = lines[0].nodes[i], t = lines[1].nodes[j];
            const Symmetric S(Eigen::MatrixXcd::Identity(R.cols(), R.cols()) + 2.0 * s * left_gram + 2.0 * t * right_gram);
            ComplexTilt tilt{s, t, 2.0 * lines[0].weights[i] * lines[1].weights[j] * S.weight,
                             R.transpose().cast<Complex>()};
            S.solve_in_place(tilt.Y);
            last.tilts.push_back(std::move(tilt));
        }
    return last.tilts;
}

} // namespace tpc::joint
