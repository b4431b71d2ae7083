// Activations under test, and expectations by brute-force quadrature in long double.
#pragma once

#include "runtime/gaussian/dual.hpp"

#include <boost/math/quadrature/gauss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

namespace tpc::test {

using Long = long double;

// One activation twice: as an expression and as two functions written down by hand.
struct Case {
    std::string name;
    ir::ExprId expression{};
    std::function<Long(Long)> value, slope;
    std::vector<Long> kinks;
};

struct Table {
    ir::ExprTable exprs;
    ir::ExprId z;

    Table() {
        ir::Node variable;
        variable.op = ir::Op::variable;
        variable.type = ir::Type::vector;
        z = exprs.add(variable);
    }
    ir::ExprId call(ir::Function function, ir::ExprId x) { return exprs.apply(function, x); }
    ir::ExprId call(ir::Function function, ir::ExprId x, ir::ExprId y) { return exprs.apply(function, {x, y}); }
    ir::ExprId number(double value) { return exprs.number(value); }
    [[nodiscard]] gaussian::Activation activation(ir::ExprId id) const { return {&exprs, id}; }
};

// Where a and b stand: variances, means and the gap to the nearer of rho = 1 and rho = -1.
struct Place {
    Long A = 1, B = 1;
    Long gap = 1; // 1 - |rho|
    int sign = 1; // of rho
    Long mean_a = 0, mean_b = 0;

    [[nodiscard]] Long product() const { return std::sqrt(A) * std::sqrt(B); }
    [[nodiscard]] Long covariance() const { return static_cast<Long>(sign) * product() * (1 - gap); }
    [[nodiscard]] Long minus() const { return 2 * product() * (sign > 0 ? gap : 2 - gap); }
    [[nodiscard]] Long plus() const { return 2 * product() * (sign > 0 ? 2 - gap : gap); }
};

struct Numbers {
    double value = 0, minus = 0, plus = 0, slope = 0;
};

// One lane, with the left operand by stride 0.
template <class Real>
Numbers evaluate(const gaussian::Dual<Real>& dual, Real A, Real B, Real minus, Real plus, Real mean_a = 0, Real mean_b = 0) {
    std::vector<Real> left(dual.features()), right(dual.features());
    dual.prepare(0, 1, &A, &mean_a, left.data(), 1);
    dual.prepare(1, 1, &B, &mean_b, right.data(), 1);
    Real value = 0, down = 0, up = 0, slope = 0;
    gaussian::Gaussians<Real> gaussians{1, {&A, 0}, {&B, 1}, {&mean_a, 0}, {&mean_b, 1}, {&minus, 1}, {&plus, 1}};
    dual.evaluate(gaussians, {{left.data(), 0}, 1}, {{right.data(), 1}, 1}, {&value, &down, &up, &slope});
    return {static_cast<double>(value), static_cast<double>(down), static_cast<double>(up), static_cast<double>(slope)};
}

template <class Real> Numbers evaluate(const gaussian::Dual<Real>& dual, const Place& place) {
    const auto real = [](Long x) { return static_cast<Real>(x); };
    return evaluate(dual, real(place.A), real(place.B), real(place.minus()), real(place.plus()), real(place.mean_a),
                    real(place.mean_b));
}

// Several integrands at once.
struct Moments {
    std::array<Long, 6> at{};
    Moments& operator+=(const Moments& other) {
        for (std::size_t i = 0; i < at.size(); ++i)
            at[i] += other.at[i];
        return *this;
    }
    friend Moments operator*(Long factor, Moments moments) {
        for (Long& x : moments.at)
            x *= factor;
        return moments;
    }
};

// Integral of f(x) times the normal density over the panels between the sorted breaks.
template <class F> auto normal_integral(const std::vector<Long>& breaks, F f) {
    using Rule = boost::math::quadrature::gauss<Long, 20>;
    decltype(f(Long(0))) sum{}; // a number or a Moments
    for (std::size_t i = 0; i + 1 < breaks.size(); ++i) {
        const Long half = (breaks[i + 1] - breaks[i]) / 2, centre = (breaks[i + 1] + breaks[i]) / 2;
        if (half <= 0)
            continue;
        for (std::size_t j = 0; j < Rule::abscissa().size(); ++j)
            for (int side : {-1, 1}) {
                const Long x = centre + static_cast<Long>(side) * half * Rule::abscissa()[j];
                sum += (half * Rule::weights()[j] * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(Long(-1)))) * f(x);
            }
    }
    return sum;
}

// Breaks on [-12, 12], graded geometrically towards the given points down to `least`.
inline std::vector<Long> graded(const std::vector<Long>& points, Long least, Long ratio) {
    std::vector<Long> breaks{-12, -9, -6, -3, 0, 3, 6, 9, 12};
    for (Long point : points) {
        breaks.push_back(point);
        for (Long d = 3; d > least; d /= ratio) {
            breaks.push_back(point - d);
            breaks.push_back(point + d);
        }
    }
    std::erase_if(breaks, [](Long x) { return std::abs(x) > 12; });
    std::sort(breaks.begin(), breaks.end());
    return breaks;
}

// E[f(a, b)]: a = mean + sqrt(A) u, b = mean + sqrt(B) (rho u + sqrt(1 - rho^2) v).
template <class F>
auto expectation(const Place& place, const std::vector<Long>& kinks_a, const std::vector<Long>& kinks_b, F f) {
    const Long deviation_a = std::sqrt(place.A), deviation_b = std::sqrt(place.B);
    const Long root = std::sqrt(place.gap * (2 - place.gap)), rho = static_cast<Long>(place.sign) * (1 - place.gap);
    std::vector<Long> outer_points{-place.mean_a / deviation_a};
    for (Long kink : kinks_a)
        outer_points.push_back((kink - place.mean_a) / deviation_a);
    for (Long kink : kinks_b)
        if (rho != 0)
            outer_points.push_back((kink - place.mean_b) / (deviation_b * rho));
    const Long least = std::min(std::max(root, Long(1e-9)), Long(0.3)) / std::max(Long(1), deviation_a) / 2;
    const std::vector<Long> inner = graded({0}, std::min(1 / (deviation_b * root + Long(1e-30)), Long(1)), 3);
    return normal_integral(graded(outer_points, least, 3), [&](Long u) {
        const Long a = place.mean_a + deviation_a * u, centre = place.mean_b + deviation_b * rho * u;
        if (root == 0)
            return f(a, centre);
        std::vector<Long> breaks = inner;
        for (Long kink : kinks_b)
            for (Long d : {0, 1, -1, 3, -3, 9, -9})
                if (const Long v = (kink - centre + d) / (deviation_b * root); std::abs(v) < 12)
                    breaks.push_back(v);
        std::sort(breaks.begin(), breaks.end());
        return normal_integral(breaks, [&](Long v) { return f(a, centre + deviation_b * root * v); });
    });
}

} // namespace tpc::test
