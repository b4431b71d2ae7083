#include "runtime/joint/ratio_density.hpp"

#include "runtime/gaussian/dual.hpp"
#include "runtime/joint/root.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

struct Nodes {
    std::vector<double> points, weights;
};

// Gauss's rules of this order between edges.
Nodes gauss_panels(std::vector<double> edges, int order) {
    Eigen::MatrixXd jacobi = Eigen::MatrixXd::Zero(order, order); // Golub and Welsch (1969)
    for (int k = 1; k < order; ++k)
        jacobi(k, k - 1) = jacobi(k - 1, k) = k / std::sqrt(4.0 * k * k - 1);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(jacobi);
    std::ranges::sort(edges);
    Nodes result;
    for (std::size_t k = 0; k + 1 < edges.size(); ++k) {
        const double half = (edges[k + 1] - edges[k]) / 2;
        if (half < 1e-14)
            continue;
        for (int i = 0; i < order; ++i) {
            result.points.push_back(edges[k] + half * (1 + solver.eigenvalues()[i]));
            result.weights.push_back(2 * half * std::pow(solver.eigenvectors()(0, i), 2));
        }
    }
    return result;
}

// The greatest |t| of this law.
double range_of(const Ratio& ratio, const Eigen::MatrixXd& root) {
    const Eigen::MatrixXd gram = root.transpose() * ratio.quadratic * root;
    const Eigen::VectorXd a = root.transpose() * ratio.form;
    return std::sqrt(std::max(0.0, a.dot(gram.completeOrthogonalDecomposition().pseudoInverse() * a)));
}

// Near the ends of its range, which it does not reach beside c > 0, the density of a ratio has layers of this width in the
// angle; panels to grow with the distance from there.
std::vector<double> layers(const Ratio& ratio, const Eigen::MatrixXd& root) {
    std::vector<double> result;
    const double width = std::sqrt(ratio.offset / (root.transpose() * ratio.quadratic * root).trace());
    for (double angle = std::numbers::pi / 4; ratio.offset > 0 && angle > width / 2; angle /= 6)
        result.push_back(angle);
    return result;
}

std::vector<double> values_of(const gaussian::Tape& f, const std::vector<double>& t, double sign) {
    std::vector<double> points(t), result(t.size());
    for (double& x : points)
        x *= sign;
    f(points.size(), points.data(), result.data());
    return result;
}

// Of one side at t > 0: a ratio has the law of its negative, both together.
struct Sampled {
    std::vector<double> t, weights;
    std::vector<double> at[2];    // f(t), f(-t)
    std::vector<double> slope[2]; // f'(t), f'(-t)
};
Sampled sample(const RatioSide& side, const Eigen::MatrixXd& root, int order) {
    const double range = range_of(side.ratio, root);
    std::vector<double> edges = layers(side.ratio, root);
    edges.insert(edges.end(), {0, std::numbers::pi / 2});
    for (const double kink : side.kinks)
        if (std::abs(kink) < range)
            edges.push_back(std::acos(std::abs(kink) / range));
    const Nodes nodes = gauss_panels(std::move(edges), order);
    Sampled result;
    for (std::size_t k = 0; k < nodes.points.size(); ++k) {
        result.t.push_back(range * std::cos(nodes.points[k]));
        result.weights.push_back(nodes.weights[k] * range * std::sin(nodes.points[k]));
    }
    for (const int k : {0, 1}) {
        result.at[k] = values_of(*side.function.value, result.t, k == 0 ? 1 : -1);
        result.slope[k] = values_of(*side.function.slope, result.t, k == 0 ? 1 : -1);
    }
    return result;
}

double nearest_of(int order) { // 1 - t^2 / range^2 at the outermost of so many nodes, about
    return std::pow(2.0 / order, 2) / 4;
}

Complex dot(const Eigen::VectorXcd& x, const Eigen::VectorXcd& y) {
    return x.cwiseProduct(y).sum();
}

Complex multiply(Complex a, Complex b) { // without the care for infinities
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}
Complex inverse(Complex a) {
    const double norm = a.real() * a.real() + a.imag() * a.imag();
    return {a.real() / norm, -a.imag() / norm};
}
Complex root(Complex a) { // of a positive real part
    const double x = std::sqrt((std::sqrt(a.real() * a.real() + a.imag() * a.imag()) + a.real()) / 2);
    return {x, a.imag() / (2 * x)};
}
Complex arctangent(Complex a) {
    const double x = a.real(), y = a.imag();
    return {std::atan2(2 * x, 1 - x * x - y * y) / 2,
            std::log((x * x + (1 + y) * (1 + y)) / (x * x + (1 - y) * (1 - y))) / 4};
}

} // namespace

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

namespace {

// f(t) g(u) of one vector where u = factor t; or f(t) alone.
Expectation parallel(const RatioSide& left, const RatioSide* right, double factor, const Eigen::MatrixXd& covariance,
                     bool slopes, const Resolution& resolution) {
    const auto& w = left.ratio.form;
    std::vector<double> kinks = left.kinks;
    if (right != nullptr)
        for (const double kink : right->kinks)
            kinks.push_back(kink / factor);
    const Sampled f = sample({left.ratio, left.function, kinks}, principal_root(covariance), resolution.order);
    std::vector<double> product(f.t.size(), 0), slope(f.t.size(), 0);
    for (const int k : {0, 1}) {
        const double sign = k == 0 ? factor : -factor;
        std::vector<double> g(f.t.size(), 1), dg(f.t.size(), 0);
        if (right != nullptr) {
            g = values_of(*right->function.value, f.t, sign);
            dg = values_of(*right->function.slope, f.t, sign);
        }
        for (std::size_t i = 0; i < f.t.size(); ++i) {
            product[i] += f.weights[i] * f.at[k][i] * g[i];
            slope[i] += f.weights[i] * factor * f.slope[k][i] * dg[i];
        }
    }
    Expectation sum;
    sum.slopes = Eigen::MatrixXd::Zero(w.size(), slopes ? w.size() : 0);
    for (const ComplexTilt& tilt :
         contour_tilts(covariance, {left.ratio.quadratic, left.ratio.offset}, nearest_of(resolution.order), resolution)) {
        const Eigen::VectorXcd x = tilt.Y * w;
        const Complex A = dot(x, x);
        Complex value = 0, s0 = 0, s2 = 0, s4 = 0, one = 0;
        for (std::size_t i = 0; i < f.t.size(); ++i) {
            const double tt = f.t[i] * f.t[i];
            const Complex h = tt / (2.0 * A) - tilt.s, root = std::sqrt(h);
            value += product[i] / (2.0 * h * root);
            s0 += slope[i] / root;
            s2 += slope[i] * tt / root;
            s4 += slope[i] * tt * tt / root;
            one -= slope[i] * tt * 2.0 * root;
        }
        const Complex weight = tilt.weight / std::sqrt(2.0 * A);
        sum.value += (weight * value).real();
        if (!slopes)
            continue;
        const Eigen::MatrixXcd QY = left.ratio.quadratic * tilt.Y.transpose();
        const Eigen::VectorXcd a = QY * x / A, W = w.cast<Complex>();
        sum.slopes += (weight * (s0 * W * W.transpose() - s2 * (W * a.transpose() + a * W.transpose()) +
                                 s4 * a * a.transpose() + one * (QY * QY.transpose() - A * a * a.transpose())))
                          .real();
    }
    return sum;
}

} // namespace

namespace {

// Where all directions are a circle, or both ends of a line: without c the ratios are functions of the direction, which for
// M = R'Q R is that of M^1/2 e, e uniform.
double on_circle(const RatioSide& left, const RatioSide& right, const Eigen::MatrixXd& root, const Resolution& resolution) {
    const Eigen::MatrixXd gram = root.transpose() * left.ratio.quadratic * root;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
    const Eigen::Index last = gram.rows() - 1;
    const Eigen::VectorXd values = solver.eigenvalues();
    // coordinates in which q = x^2 + y^2; of variances values[last], values[last - 1]
    const auto coordinates = [&](const Eigen::VectorXd& form) -> Eigen::Vector2d {
        const Eigen::VectorXd a = solver.eigenvectors().transpose() * (root.transpose() * form);
        const double y = last > 0 && values[last - 1] > 1e-12 * values[last] ? a[last - 1] / std::sqrt(values[last - 1]) : 0;
        return {a[last] / std::sqrt(values[last]), y};
    };
    const Eigen::Vector2d a = coordinates(left.ratio.form), b = coordinates(right.ratio.form);
    std::vector<double> angles, weights;
    if (last == 0 || values[last - 1] <= 1e-12 * values[last]) {
        angles = {0, std::numbers::pi};
        weights = {0.5, 0.5};
    } else {
        const double ratio =
            std::sqrt(values[last - 1] / values[last]); // tan of the angle is this times that of a uniform one
        std::vector<double> edges;
        for (int k = 0; k <= 8; ++k)
            edges.push_back(std::numbers::pi * k / 4);
        const auto add = [&](const Eigen::Vector2d& form, const std::vector<double>& kinks) {
            for (const double kink : kinks)
                if (std::abs(kink) < form.norm())
                    for (const double side : {1.0, -1.0}) {
                        const double angle = std::atan2(form[1], form[0]) + side * std::acos(kink / form.norm());
                        const double uniform = std::atan2(std::sin(angle) / ratio, std::cos(angle));
                        edges.push_back(uniform < 0 ? uniform + 2 * std::numbers::pi : uniform);
                    }
        };
        add(a, left.kinks);
        add(b, right.kinks);
        for (double layer = std::numbers::pi / 8; layer > ratio / 4; layer /= 3) // where the direction turns
            for (int k = 0; k < 2; ++k)
                for (const double side : {1.0, -1.0})
                    edges.push_back(std::numbers::pi * (k + 0.5) + side * layer);
        const Nodes nodes = gauss_panels(std::move(edges), resolution.order);
        for (std::size_t k = 0; k < nodes.points.size(); ++k) {
            angles.push_back(std::atan2(ratio * std::sin(nodes.points[k]), std::cos(nodes.points[k])));
            weights.push_back(nodes.weights[k] / (2 * std::numbers::pi));
        }
    }
    double sum = 0;
    for (std::size_t k = 0; k < angles.size(); ++k) {
        const Eigen::Vector2d direction(std::cos(angles[k]), std::sin(angles[k]));
        sum += weights[k] * (*left.function.value)(a.dot(direction)) * (*right.function.value)(b.dot(direction));
    }
    return sum;
}

} // namespace

double density_alone(const RatioSide& side, const Eigen::MatrixXd& covariance, const Resolution& resolution) {
    return parallel(side, nullptr, 1, covariance, false, resolution).value;
}

// As for two vectors, with one contour and q = q': with h = (t, u) G^-1 (t, u)' / 2 - s the density of (t, u) is
// h^-2 / (2 pi sqrt(det G)), and that of slopes has h^-1 beside (w - t Q m)(v - u Q m)', m the mean of z / X, and
// - log h beside t u Q C Q, C the covariance of z given w'z and v'z.
Expectation density_of_one(const RatioSide& left, const RatioSide& right, const Eigen::MatrixXd& covariance, bool slopes,
                           const Resolution& resolution) {
    const auto& w = left.ratio.form;
    const auto& v = right.ratio.form;
    const Eigen::MatrixXd R = principal_root(covariance);
    const Eigen::MatrixXd gram = R.transpose() * left.ratio.quadratic * R;
    if (left.ratio.offset == 0 && rank(gram) < 3) {
        if (slopes)
            throw gaussian::NoExpectation("an expectation is infinite: a norm of two Gaussians divides twice");
        return {on_circle(left, right, R, resolution), {}};
    }
    const double factor = v.dot(w) / w.squaredNorm();
    if ((v - factor * w).cwiseAbs().maxCoeff() <= 1e-14 * v.cwiseAbs().maxCoeff())
        return parallel(left, &right, factor, covariance, slopes, resolution);
    const Eigen::VectorXd a = R.transpose() * w, b = R.transpose() * v;
    const double range = range_of(left.ratio, R), other_range = range_of(right.ratio, R);
    const double correlation = a.dot(gram.completeOrthogonalDecomposition().pseudoInverse() * b) / (range * other_range);
    const double other = std::sqrt(1 - correlation * correlation);
    const double between = std::acos(std::clamp(correlation, -1.0, 1.0));
    const double pi = std::numbers::pi;
    const std::vector<double> near_ends = layers(left.ratio, R);
    std::vector<double> edges = near_ends;
    edges.insert(edges.end(), {0, pi / 4, pi / 2});
    const auto edge = [&](double angle) {
        if (const double folded = std::acos(std::abs(std::cos(angle))); folded < pi / 2)
            edges.push_back(folded);
    };
    std::vector<double> kinks; // of u, both signs
    for (const double kink : left.kinks)
        if (std::abs(kink) < range)
            edge(std::acos(kink / range));
    for (const double kink : right.kinks)
        for (const double sign : {1.0, -1.0})
            if (std::abs(kink) < other_range) {
                kinks.push_back(sign * kink / other_range);
                for (const double side : {1.0, -1.0})
                    edge(between + side * std::acos(kinks.back()));
            }
    const Nodes outer = gauss_panels(std::move(edges), resolution.order);
    std::vector<double> t, u, weights;
    for (std::size_t i = 0; i < outer.points.size(); ++i) {
        const double x = std::cos(outer.points[i]), height = std::sin(outer.points[i]);
        std::vector<double> crossings{0, pi / 2, pi};
        for (const double angle : near_ends)
            crossings.insert(crossings.end(), {angle, pi - angle});
        for (const double kink : kinks)
            if (const double y = (kink - correlation * x) / (other * height); std::abs(y) < 1)
                crossings.push_back(std::acos(y));
        const Nodes inner = gauss_panels(std::move(crossings), resolution.order);
        for (std::size_t j = 0; j < inner.points.size(); ++j) {
            t.push_back(range * x);
            u.push_back(other_range * (correlation * x + other * height * std::cos(inner.points[j])));
            weights.push_back(outer.weights[i] * inner.weights[j] * height * height * std::sin(inner.points[j]) * range *
                              other_range * other);
        }
    }
    std::vector<double> product(t.size(), 0), slope(t.size(), 0);
    for (const double sign : {1.0, -1.0}) {
        const auto f = values_of(*left.function.value, t, sign), df = values_of(*left.function.slope, t, sign);
        const auto g = values_of(*right.function.value, u, sign), dg = values_of(*right.function.slope, u, sign);
        for (std::size_t k = 0; k < t.size(); ++k) {
            product[k] += weights[k] * f[k] * g[k];
            slope[k] += weights[k] * df[k] * dg[k];
        }
    }
    Expectation sum;
    sum.slopes = Eigen::MatrixXd::Zero(w.size(), slopes ? v.size() : 0);
    const double nearest = std::pow(nearest_of(resolution.order), 2);
    for (const ComplexTilt& tilt :
         contour_tilts(covariance, {left.ratio.quadratic, left.ratio.offset}, nearest, resolution)) {
        const Eigen::VectorXcd x = tilt.Y * w, y = tilt.Y * v;
        const Complex A = dot(x, x), B = dot(y, y), c = dot(x, y);
        const Complex rest = B - c * c / A, det = A * rest;
        const Complex g11 = B / det, g12 = -c / det, g22 = A / det;
        const Complex weight = tilt.weight / (2 * pi * std::sqrt(A) * std::sqrt(rest));
        Complex value = 0, s = 0, stu = 0, stt = 0, suu = 0, s31 = 0, s22 = 0, s13 = 0, one = 0;
        for (std::size_t k = 0; k < t.size(); ++k) {
            const double tt = t[k] * t[k], tu = t[k] * u[k], uu = u[k] * u[k];
            const Complex h = 0.5 * (tt * g11 + 2 * tu * g12 + uu * g22) - tilt.s;
            const Complex over = inverse(h);
            value += product[k] * multiply(over, over);
            if (!slopes || slope[k] == 0)
                continue;
            const Complex here = slope[k] * over;
            s += here;
            stu += tu * here;
            stt += tt * here;
            suu += uu * here;
            s31 += tt * tu * here;
            s22 += tu * tu * here;
            s13 += tu * uu * here;
            one -= slope[k] * tu * Complex(std::log(h.real() * h.real() + h.imag() * h.imag()) / 2, std::arg(h));
        }
        sum.value += (weight * value).real();
        if (!slopes)
            continue;
        Eigen::MatrixXcd inverse_G(2, 2), xy(tilt.Y.rows(), 2);
        inverse_G << g11, g12, g12, g22;
        xy << x, y;
        const Eigen::MatrixXcd QY = left.ratio.quadratic * tilt.Y.transpose();
        const Eigen::MatrixXcd QYx = QY * xy, P = QYx * inverse_G;
        const Eigen::VectorXcd a1 = P.col(0), a2 = P.col(1), W = w.cast<Complex>(), V = v.cast<Complex>();
        const Eigen::MatrixXcd all = s * W * V.transpose() - W * (stu * a1 + suu * a2).transpose() -
                                     (stt * a1 + stu * a2) * V.transpose() + s31 * a1 * a1.transpose() +
                                     s22 * (a1 * a2.transpose() + a2 * a1.transpose()) + s13 * a2 * a2.transpose() +
                                     one * (QY * QY.transpose() - P * QYx.transpose());
        sum.slopes += (weight * all).real();
    }
    return sum;
}

} // namespace tpc::joint
