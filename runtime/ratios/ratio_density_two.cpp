// Two vectors: a contour for each.
#include "runtime/gaussian/dual.hpp"
#include "runtime/points/root.hpp"
#include "runtime/ratios/ratio_nodes.hpp"

#include <Eigen/Dense>

#include <numbers>
#include <vector>

namespace tpc::joint {

// With q and q' as further variables, q = X^2, q' = X'^2, the joint density of t and u is, under the tilted law,
//
//   4 / (2 pi sqrt(det G)) * integral over X, X' > 0 of X^2 X'^2 exp(-(alpha X^2 + 2 beta X X' + gamma X'^2) / 2),
//   alpha = t^2 G^-1_11 - 2 s, beta = t u G^-1_12, gamma = u^2 G^-1_22 - 2 s',
//
// G the covariance of w'z and v'y. Of slopes, (w - t Qz / X)(v - u Q'y / X')' / (X X') stands beside, where given w'z = t X
// and v'y = u X' the mean of Qz is t X a + u X' b.
Expectation density_of_two(const RatioSide& left, const RatioSide& right, const Eigen::MatrixXd& covariance, bool slopes,
                           const Resolution& resolution) {
    const Eigen::Index lefts = left.ratio.form.size(), rights = right.ratio.form.size();
    const auto& w = left.ratio.form;
    const auto& v = right.ratio.form;
    const Sampled f = sample(left, principal_root(covariance.topLeftCorner(lefts, lefts)), resolution.order);
    const Sampled g = sample(right, principal_root(covariance.bottomRightCorner(rights, rights)), resolution.order);
    const auto& tilts = contour_tilts(covariance, lefts, {left.ratio.quadratic, left.ratio.offset},
                                      {right.ratio.quadratic, right.ratio.offset}, nearest_of(resolution.order), resolution);
    Expectation sum;
    if (slopes)
        sum.slopes = Eigen::MatrixXd::Zero(lefts, rights);
    const std::size_t rows = f.t.size(), columns = g.t.size();
    // f g at (t, u) and (-t, -u); and at (t, -u) and (-t, u)
    std::vector<double> same(rows * columns), opposite(same), same_slope(same), opposite_slope(same);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < columns; ++j) {
            const double weight = f.weights[i] * g.weights[j];
            const std::size_t k = i * columns + j;
            same[k] = weight * (f.at[0][i] * g.at[0][j] + f.at[1][i] * g.at[1][j]);
            opposite[k] = weight * (f.at[0][i] * g.at[1][j] + f.at[1][i] * g.at[0][j]);
            same_slope[k] = weight * (f.slope[0][i] * g.slope[0][j] + f.slope[1][i] * g.slope[1][j]);
            opposite_slope[k] = weight * (f.slope[0][i] * g.slope[1][j] + f.slope[1][i] * g.slope[0][j]);
        }
    for (const ComplexTilt& tilt : tilts) {
        const Eigen::MatrixXcd Z = tilt.Y.leftCols(lefts), V = tilt.Y.rightCols(rights);
        const Eigen::VectorXcd x = Z * w, y = V * v;
        const Complex A = dot(x, x), B = dot(y, y), c = dot(x, y);
        const Complex rest = B - c * c / A, det = A * rest;
        const Complex g11 = B / det, g12 = -c / det, g22 = A / det;
        const Complex weight = 4.0 * tilt.weight / (2 * std::numbers::pi * std::sqrt(A) * std::sqrt(rest));
        Complex value = 0;
        // of X X', X^2, X'^2 and 1, by powers of t^2 and u^2
        Complex s00, s01, s10, s11, p0, p1, q0, q1, one;
        for (std::size_t i = 0; i < rows; ++i) {
            const double t = f.t[i];
            const Complex alpha = t * t * g11 - 2.0 * tilt.s;
            const Complex over_alpha = inverse(alpha), root_alpha = root(alpha);
            for (std::size_t j = 0; j < columns; ++j) {
                const double u = g.t[j], tu = t * u;
                const Complex beta = tu * g12;
                const Complex gamma = u * u * g22 - 2.0 * tilt.t;
                const Complex square = multiply(beta, beta);
                const Complex gap = gamma - multiply(square, over_alpha);
                const Complex over_root = inverse(multiply(root_alpha, root(gap)));
                const Complex over_D = multiply(over_root, over_root);
                const Complex angle = arctangent(multiply(beta, over_root));
                const Complex plus = std::numbers::pi / 2 - angle, minus = std::numbers::pi / 2 + angle; // of -beta
                const Complex product = multiply(alpha, gamma);
                const Complex squared = multiply(over_D, over_D);
                const std::size_t k = i * columns + j;
                const Complex even = multiply(multiply(product + 2.0 * square, over_root), squared);
                const Complex odd = multiply(3.0 * beta, squared);
                value += same[k] * (multiply(plus, even) - odd) + opposite[k] * (multiply(minus, even) + odd);
                if (!slopes)
                    continue;
                const Complex cube = multiply(over_root, over_D);
                const Complex turned_odd = same_slope[k] * plus - opposite_slope[k] * minus;
                const double both = same_slope[k] + opposite_slope[k];
                const Complex i11 = both * over_D - multiply(multiply(beta, cube), turned_odd);
                const Complex shared = multiply(cube, turned_odd);
                const Complex i20 = multiply(gamma, shared) - both * multiply(multiply(beta, over_alpha), over_D);
                const Complex i02 = multiply(alpha, shared) - both * multiply(multiply(beta, inverse(gamma)), over_D);
                const Complex i00 = multiply(turned_odd, over_root);
                const double tt = t * t, uu = u * u;
                s00 += i11;
                s01 += uu * i11;
                s10 += tt * i11;
                s11 += tt * uu * i11;
                p0 += tu * i20;
                p1 += tu * tt * i20;
                q0 += tu * i02;
                q1 += tu * uu * i02;
                one += tu * i00;
            }
        }
        sum.value += (weight * value).real();
        if (!slopes)
            continue;
        // columns: Q times the covariance of z with w'z and v'y, times G^-1
        Eigen::MatrixXcd P(lefts, 2), R(rights, 2), inverse_G(2, 2), xy(tilt.Y.rows(), 2);
        inverse_G << g11, g12, g12, g22;
        xy << x, y;
        const Eigen::MatrixXcd QZ = left.ratio.quadratic * Z.transpose(), QV = right.ratio.quadratic * V.transpose();
        const Eigen::MatrixXcd QZx = QZ * xy, QVx = QV * xy;
        P = QZx * inverse_G;
        R = QVx * inverse_G;
        const Eigen::MatrixXcd between = QZ * QV.transpose() - P * QVx.transpose();
        const Eigen::VectorXcd a1 = P.col(0), a2 = P.col(1), k1 = R.col(0), k2 = R.col(1);
        const Eigen::VectorXcd W = w.cast<Complex>(), T = v.cast<Complex>();
        Eigen::MatrixXcd all = s00 * W * T.transpose() - s01 * W * k2.transpose() - s10 * a1 * T.transpose() +
                               s11 * (a1 * k2.transpose() + a2 * k1.transpose()) - p0 * W * k1.transpose() +
                               p1 * a1 * k1.transpose() - q0 * a2 * T.transpose() + q1 * a2 * k2.transpose() + one * between;
        sum.slopes += (weight * all).real();
    }
    return sum;
}

} // namespace tpc::joint
