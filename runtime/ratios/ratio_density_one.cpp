// One vector: one contour.
#include "runtime/gaussian/dual.hpp"
#include "runtime/points/root.hpp"
#include "runtime/ratios/ratio_nodes.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
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
        const Nodes nodes = gauss_panels(std::move(edges), gauss_rule(resolution.order));
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
    const Nodes rule = gauss_rule(resolution.order);
    const Nodes outer = gauss_panels(std::move(edges), rule);
    std::vector<double> t, u, weights;
    for (std::size_t i = 0; i < outer.points.size(); ++i) {
        const double x = std::cos(outer.points[i]), height = std::sin(outer.points[i]);
        std::vector<double> crossings{0, pi / 2, pi};
        for (const double angle : near_ends)
            crossings.insert(crossings.end(), {angle, pi - angle});
        for (const double kink : kinks)
            if (const double y = (kink - correlation * x) / (other * height); std::abs(y) < 1)
                crossings.push_back(std::acos(y));
        const Nodes inner = gauss_panels(std::move(crossings), rule);
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
