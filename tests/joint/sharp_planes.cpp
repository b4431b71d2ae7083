// Functions of two coordinates a side with narrow features: what is stated is not exceeded.
#include "runtime/planes/planar.hpp"
#include "runtime/series/side.hpp"
#include "runtime/series/spectral.hpp"
#include "runtime/tapes/sharpness.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <numbers>

using namespace tpc;
using ir::Function;
using joint::Integrand;
using joint::NodeId;
using joint::Tape;
using Rows = joint::Side::Rows;

namespace {

NodeId times(Tape& t, double factor, NodeId x) {
    return t.apply(Function::mul, t.number(factor), x);
}
NodeId plus(Tape& t, NodeId x, double number) {
    return t.apply(Function::add, x, t.number(number));
}
// exp(-k ((x + a)^2 + (y + b)^2))
NodeId bump(Tape& t, NodeId x, NodeId y, double k, double a, double b) {
    const NodeId square =
        t.apply(Function::add, t.apply(Function::square, plus(t, x, a)), t.apply(Function::square, plus(t, y, b)));
    return t.apply(Function::exp, times(t, -k, square));
}

struct Named {
    std::string name;
    std::function<NodeId(Tape&, NodeId, NodeId)> write;
};

std::vector<Named> family() {
    return {{"narrow ridge",
             [](Tape& t, NodeId x, NodeId y) {
                 return t.apply(Function::exp, times(t, -200, t.apply(Function::square, t.apply(Function::sub, x, y))));
             }},
            {"softplus 20 of a sum, times tanh",
             [](Tape& t, NodeId x, NodeId y) {
                 const NodeId e = t.apply(Function::exp, times(t, 20, t.apply(Function::add, x, times(t, 0.6, y))));
                 const NodeId log = t.apply(Function::log, plus(t, e, 1));
                 return t.apply(Function::mul, times(t, 1.0 / 20, log), t.apply(Function::tanh, y));
             }},
            {"product and a bump",
             [](Tape& t, NodeId x, NodeId y) {
                 const NodeId smooth = t.apply(Function::mul, x, t.apply(Function::tanh, y));
                 return t.apply(Function::add, smooth, times(t, 0.02, bump(t, x, y, 235, 0.194, 0.457)));
             }},
            {"1 and a bump", [](Tape& t, NodeId x, NodeId y) { return plus(t, bump(t, x, y, 60, -0.8, 0.5), 1); }},
            {"wave and a ridge",
             [](Tape& t, NodeId x, NodeId y) {
                 const NodeId ridge = t.apply(Function::exp, times(t, -15, t.apply(Function::square, plus(t, y, -0.68))));
                 return t.apply(Function::add, t.apply(Function::sin, times(t, 1.7, t.apply(Function::add, x, y))),
                                times(t, 0.03, ridge));
             }},
            {"steep sigmoids", [](Tape& t, NodeId x, NodeId y) {
                 return t.apply(Function::mul, t.apply(Function::sigmoid, times(t, 25, plus(t, x, 0.3))),
                                t.apply(Function::sigmoid, times(t, -9, t.apply(Function::sub, y, x))));
             }}};
}

// E of products of the outputs of both sides, by the trapezoidal rule, and the roots of those of their squares.
struct Reference {
    Eigen::MatrixXd products;
    Eigen::VectorXd left, right;
};

constexpr double extent = 6.2, spacing = 1.0 / 30;

// G(u) = E[g(w) | u] at the nodes.
Eigen::MatrixXd conditional(const Eigen::VectorXd& z, double s) {
    if (s == 1)
        return Eigen::MatrixXd::Identity(z.size(), z.size());
    const double variance = 1 - s * s;
    Eigen::MatrixXd result(z.size(), z.size());
    for (Eigen::Index i = 0; i < z.size(); ++i)
        result.row(i) = (-(z.array() - s * z[i]).square() / (2 * variance)).exp().matrix().transpose() * spacing /
                        std::sqrt(2 * std::numbers::pi * variance);
    return result;
}

Reference reference(const joint::Side& left, const joint::Side& right, const Eigen::Vector2d& s) {
    const auto n = static_cast<Eigen::Index>(2 * extent / spacing) + 1;
    const Eigen::VectorXd z = Eigen::VectorXd::LinSpaced(n, -extent, extent);
    const Eigen::VectorXd w = spacing * (-z.array().square() / 2).exp() / std::sqrt(2 * std::numbers::pi);
    Rows points(2, n * n);
    for (Eigen::Index i = 0; i < n; ++i) {
        points.row(0).segment(i * n, n).setConstant(z[i]);
        points.row(1).segment(i * n, n) = z.transpose();
    }
    const Rows f = joint::SideRun(left, 256)(points), g = joint::SideRun(right, 256)(points);
    const auto plane = [&](const Rows& values, Eigen::Index k) {
        return Eigen::Map<const Rows>(values.row(k).data(), n, n);
    };
    const auto norms = [&](const Rows& values) {
        Eigen::VectorXd result(values.rows());
        for (Eigen::Index k = 0; k < values.rows(); ++k)
            result[k] = std::sqrt(w.dot(plane(values, k).cwiseAbs2() * w));
        return result;
    };
    Reference result{Eigen::MatrixXd(f.rows(), g.rows()), norms(f), norms(g)};
    for (Eigen::Index b = 0; b < g.rows(); ++b) {
        const Eigen::MatrixXd smoothed =
            w.asDiagonal() * (conditional(z, s[0]) * plane(g, b) * conditional(z, s[1]).transpose()) * w.asDiagonal();
        for (Eigen::Index a = 0; a < f.rows(); ++a)
            result.products(a, b) = smoothed.cwiseProduct(plane(f, a)).sum();
    }
    return result;
}

} // namespace

TEST_CASE("functions of two coordinates with narrow features state an error that is not exceeded") {
    std::size_t found = 0;
    const Eigen::Matrix2d m{{0.9, 0.3}, {-0.5, 0.7}}, m_{{0.4, -0.8}, {0.6, 0.5}};
    for (const Named& f : family())
        for (const Eigen::Vector2d& s : {Eigen::Vector2d(0.2, 0.07), Eigen::Vector2d(0.9, 0.5), Eigen::Vector2d(1, 1)}) {
            const Eigen::Matrix2d own = s[1] == 1 ? m : m_;
            Integrand integrand;
            integrand.left_gaussians = integrand.right_gaussians = 2;
            Tape& tape = integrand.tape;
            integrand.left = f.write(tape, tape.gaussian(0), tape.gaussian(1));
            integrand.right = f.write(tape, tape.gaussian(2), tape.gaussian(3));
            joint::finish(integrand, true);
            const Eigen::Matrix2d between = m * s.asDiagonal() * own.transpose();
            Eigen::MatrixXd covariance(4, 4);
            covariance << m * m.transpose(), between, between.transpose(), own * own.transpose();
            const auto outputs = [](NodeId value, std::vector<NodeId> gradient) {
                gradient.insert(gradient.begin(), value);
                return gradient;
            };
            const std::vector<double> none;
            const Reference wanted = reference(
                {&integrand, true, m, Eigen::Vector2d::Zero(), outputs(integrand.left, integrand.left_gradient), &none},
                {&integrand, false, own, Eigen::Vector2d::Zero(), outputs(integrand.right, integrand.right_gradient), &none},
                s);
            const double norm = wanted.left[0] * wanted.right[0];
            const double slope_norm = wanted.left.tail(2).maxCoeff() * wanted.right.tail(2).maxCoeff();
            const auto check = [&](const joint::Expectation& got, double error) {
                constexpr double of_reference = 1e-8;
                ++found;
                CHECK(std::abs(got.value - wanted.products(0, 0)) <= (error + of_reference) * norm);
                CHECK((got.slopes - wanted.products.bottomRightCorner(2, 2)).cwiseAbs().maxCoeff() <=
                      (error + of_reference) * slope_norm);
            };
            for (const double tolerance : {1e-2, 1e-3, 1e-4, 1e-6}) {
                CAPTURE(f.name, s[0], s[1], tolerance);
                const Eigen::Vector4d mean = Eigen::Vector4d::Zero();
                if (const auto got = joint::spectral(integrand, mean, covariance, {}, true, tolerance, std::size_t{1} << 17))
                    check(got->expectation, got->error);
                double work = 2e9;
                if (tolerance == 1e-3 && s[0] < 0.5)
                    if (const auto got = joint::planar(integrand, mean, covariance, {}, true, tolerance, work))
                        check(got->expectation, got->error);
            }
        }
    CHECK(found >= 40); // of 78
}

TEST_CASE("bounds of sharpness see what is narrow where it is, and nothing where it is not") {
    Tape tape;
    const NodeId x = tape.gaussian(0), y = tape.gaussian(1);
    const NodeId narrow = bump(tape, x, y, 400, -1, 0);
    const std::vector<double> none;
    const joint::Sharpness sharpness(tape, {narrow}, Eigen::Vector2d::Zero(), Eigen::Matrix2d::Identity(), none, 6);
    const auto within = [&](double low, double high) {
        return sharpness.within({Eigen::Vector2d(low, -6), Eigen::Vector2d(high, 6)}, 6, 3, 1e9);
    };
    CHECK(within(0.5, 1.5).minCoeff() > 20); // 1 / width
    CHECK(within(0.5, 1.5).maxCoeff() < 200);
    CHECK(within(-6, 0.5).maxCoeff() <= 3);
    const NodeId smooth = tape.apply(Function::mul, tape.apply(Function::sigmoid, x), tape.apply(Function::tanh, y));
    const joint::Sharpness even(tape, {smooth}, Eigen::Vector2d::Zero(), Eigen::Matrix2d::Identity(), none, 6);
    CHECK(even.in({Eigen::Vector2d(-6, -6), Eigen::Vector2d(6, 6)}).maxCoeff() <= 1);
}
