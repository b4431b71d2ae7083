// Dual kernels from C to C of sums over windows, added up once for every column or term by term, against their definition.
#include "runtime/rows/value_homogeneous.hpp"
#include "tests/rows/everywhere.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

namespace {

using namespace tpc;

constexpr std::size_t lanes = 2 * rows::lane_step<float>, sheets = 2, positions = 71, side = 3; // of the window
constexpr std::size_t width = positions + side - 1, own = sheets * positions;
constexpr double scale = 0.2, rate = 0.3;

template <class Real> struct Case {
    std::vector<Real> value, tangent, left, right, same;
    explicit Case(bool signs)
        : value((sheets + side - 1) * width * lanes), tangent(value.size()), left(own), right(own * lanes), same(lanes, 0) {
        std::mt19937 engine{3};
        const auto draw = [&](std::vector<Real>& numbers, double lower, double upper) {
            std::uniform_real_distribution<double> uniform(lower, upper);
            for (Real& number : numbers)
                number = static_cast<Real>(uniform(engine));
        };
        draw(value, signs ? -0.3 : 0, 0.7);
        draw(tangent, 0, 1);
        draw(left, 0.5, 1.5);
        draw(right, 0.5, 1.2);
        right[5] = 0; // an element that is 0
        same[7] = 1;
    }
    // A term for each row of the window, or one for each of its elements.
    [[nodiscard]] std::vector<rows::Term<Real>> terms(bool sliding) const {
        std::vector<rows::Term<Real>> result;
        constexpr auto step = static_cast<std::ptrdiff_t>(lanes), sheet = static_cast<std::ptrdiff_t>(width * lanes);
        for (std::size_t a = 0; a < side; ++a)
            for (std::size_t b = 0; b < (sliding ? 1 : side); ++b) {
                rows::Term<Real> term;
                const std::size_t at = (a * width + b) * lanes;
                term.value = true;
                term.repeats = sliding ? side : 1;
                term.minus = {value.data() + at, step, sliding ? step : 0, sheet};
                term.tangent = {tangent.data() + at, step, sliding ? step : 0, sheet};
                term.scale = static_cast<Real>(scale);
                term.rate = static_cast<Real>(rate);
                result.push_back(term);
            }
        rows::Term<Real> bias;
        bias.scale = static_cast<Real>(0.1);
        bias.rate = 1;
        result.push_back(bias);
        return result;
    }
};

template <class Real> void check(bool sliding, bool signs, double linear, double absolute) {
    const Case<Real> given(signs);
    const std::vector<rows::Term<Real>> terms = given.terms(sliding);
    constexpr double tolerance = sizeof(Real) == 4 ? 1e-5 : 1e-13;
    constexpr auto step = static_cast<std::ptrdiff_t>(lanes);
    rows::HomogeneousRow<Real> dual;
    dual.linear = static_cast<Real>(linear);
    dual.absolute = static_cast<Real>(absolute);
    test::everywhere([&] {
        std::vector<Real> value(own * lanes), tangent(own * lanes), apart(lanes, 1);
        rows::LinearRow<Real> row;
        row.sheets = sheets;
        row.positions = positions;
        row.lanes = lanes;
        row.terms = terms.data();
        row.count = terms.size();
        row.value = true;
        row.signs = signs;
        row.left_inverse = {given.left.data(), 1, 0, positions};
        row.right_inverse = {given.right.data(), step, 0, step * static_cast<std::ptrdiff_t>(positions)};
        row.minus = value.data();
        row.tangent = tangent.data();
        row.step = step;
        row.sheet = step * static_cast<std::ptrdiff_t>(positions);
        rows::value_of_sum(row, dual, given.same.data(), apart.data());
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            double least = 1;
            for (std::size_t at = 0; at < own; ++at) {
                double c = 0.1, t = 1;
                for (std::size_t a = 0; a < side; ++a)
                    for (std::size_t b = 0; b < side; ++b) {
                        const std::size_t k = ((at / positions + a) * width + at % positions + b) * lanes + lane;
                        c += scale * static_cast<double>(given.value[k]);
                        t += scale * static_cast<double>(given.tangent[k]) + rate * static_cast<double>(given.value[k]);
                    }
                const bool same = given.same[lane] != 0;
                const double inverse =
                    static_cast<double>(given.left[at]) * static_cast<double>(given.right[at * lanes + lane]);
                const double rho = same ? 1 : c * inverse;
                const double left = 2 - 2 * std::abs(rho) - rows::least_gap<Real>;
                if (!same)
                    least = std::min(least, left);
                if (left < 0 && !same)
                    continue; // computed another time
                const double angle = std::asin(rho), root = std::sqrt(1 - rho * rho);
                const double even = 2 * std::numbers::inv_pi * (root + rho * angle); // E|a b|
                const double expected = inverse == 0 ? 0 : (linear * rho + absolute * even) / inverse;
                const double slope = linear + absolute * 2 * std::numbers::inv_pi * angle;
                const std::size_t k = at * lanes + lane;
                if (std::abs(static_cast<double>(value[k]) - expected) > tolerance ||
                    std::abs(static_cast<double>(tangent[k]) - slope * t) > tolerance)
                    FAIL_CHECK(rows::instruction_set() << " at " << k << ": " << value[k] << " for " << expected << ", T "
                                                       << tangent[k] << " for " << slope * t);
            }
            if (std::abs(static_cast<double>(apart[lane]) - least) > tolerance)
                FAIL_CHECK(rows::instruction_set() << ", lane " << lane << ": " << apart[lane] << " for " << least);
        }
    });
}

} // namespace

TEMPLATE_TEST_CASE("sums over windows and their dual kernels from C to C", "[rows]", float, double) {
    for (const bool sliding : {true, false})
        for (const bool signs : {true, false}) {
            check<TestType>(sliding, signs, 0.25, 0.25);
            check<TestType>(sliding, signs, 0.3, 0.1);
        }
}
