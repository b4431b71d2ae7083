// Dual kernels of sums as one row against the two rows one after the other, under every instruction set.
#include "runtime/gaussian/dual.hpp"
#include "runtime/rows/rows.hpp"
#include "runtime/rows/value_series.hpp"
#include "tests/rows/everywhere.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <numbers>
#include <random>
#include <vector>

namespace {

using namespace tpc;

constexpr std::size_t lanes = 5 * rows::lane_step<float>, sheets = 2, positions = 3;

template <class Real> struct Case {
    std::mt19937 engine{7};
    std::deque<std::vector<Real>> numbers;
    std::vector<rows::Term<Real>> terms;
    rows::LinearRow<Real> row;

    // `width` numbers for every position, between two bounds.
    rows::Moving<Real> moving(std::size_t width, double lower, double upper) {
        std::uniform_real_distribution<double> draw(lower, upper);
        auto& values = numbers.emplace_back(sheets * positions * width);
        for (Real& value : values)
            value = static_cast<Real>(draw(engine));
        const auto step = static_cast<std::ptrdiff_t>(width);
        return {values.data(), step, 0, step * static_cast<std::ptrdiff_t>(positions)};
    }
    rows::Moving<Real> opposite(const rows::Moving<Real>& minus) {
        auto& values = numbers.emplace_back(sheets * positions * lanes);
        for (std::size_t k = 0; k < values.size(); ++k)
            values[k] = 4 - minus.data[k];
        return {values.data(), minus.step, 0, minus.sheet};
    }
    void add(bool signs, double left, bool factor) {
        rows::Term<Real> term;
        term.minus = moving(lanes, 0, signs ? 4 : 2);
        if (signs)
            term.plus = opposite(term.minus);
        term.tangent = moving(lanes, 0, 1);
        term.left_norm = moving(1, 0.5, 2);
        term.right_norm = moving(lanes, 0.5, 2);
        if (factor)
            term.right_factor = moving(lanes, -1, 1);
        term.left = static_cast<Real>(left);
        term.scale = static_cast<Real>(0.7);
        term.rate = static_cast<Real>(0.3);
        terms.push_back(term);
    }
    Case(bool signs, bool plus, std::size_t plain) {
        for (std::size_t k = 0; k < plain; ++k)
            add(signs, 1, false);
        if (signs) {
            add(true, -0.8, false);
            add(true, 0.4, true);
        }
        rows::Term<Real> parameter;
        parameter.scale = parameter.rate = static_cast<Real>(0.1);
        terms.push_back(parameter);
        row.sheets = sheets;
        row.positions = positions;
        row.lanes = lanes;
        row.terms = terms.data();
        row.count = terms.size();
        const double inverse = signs ? 0.2 : 0.1; // so that no gap exceeds 2 where C cannot be negative
        row.left_inverse = moving(1, inverse, 2 * inverse);
        row.right_inverse = moving(lanes, inverse, 2 * inverse);
        const_cast<Real*>(row.right_inverse.data)[3] = 0; // an element that is 0
        row.gap = true;
        row.signs = signs;
        row.step = static_cast<std::ptrdiff_t>(lanes);
        row.sheet = row.step * static_cast<std::ptrdiff_t>(positions);
        row.plus = plus ? const_cast<Real*>(moving(lanes, 0, 1).data) : nullptr;
        row.minus = const_cast<Real*>(moving(lanes, 0, 1).data);
        row.tangent = const_cast<Real*>(moving(lanes, 0, 1).data);
    }
};

template <class Real, class Dual, class Apart> void check(Case<Real>& given, const Dual& dual, const Apart& apart) {
    const std::size_t size = sheets * positions * lanes;
    std::vector<Real> sum_minus(size), sum_plus(size), sum_tangent(size), minus(size), plus(size), tangent(size);
    constexpr double tolerance = sizeof(Real) == 4 ? 1e-5 : 1e-13;
    test::everywhere([&] {
        rows::LinearRow<Real> sum = given.row;
        sum.minus = sum_minus.data();
        sum.plus = given.row.signs ? sum_plus.data() : nullptr;
        sum.tangent = sum_tangent.data();
        rows::linear(sum);
        for (std::size_t at = 0; at < sheets * positions; ++at) {
            Dual one = dual;
            apart(one, at);
            one.minus = sum_minus.data() + at * lanes;
            one.plus = given.row.signs ? sum_plus.data() + at * lanes : nullptr;
            one.tangent = sum_tangent.data() + at * lanes;
            one.out_minus = minus.data() + at * lanes;
            one.out_plus = given.row.plus != nullptr ? plus.data() + at * lanes : nullptr;
            one.out_tangent = tangent.data() + at * lanes;
            if constexpr (std::is_same_v<Dual, rows::HomogeneousRow<Real>>)
                rows::homogeneous(one);
            else
                rows::arcsine(one);
        }
        rows::dual_of_sum(given.row, dual);
        for (std::size_t k = 0; k < size; ++k) {
            const auto off = [&](const Real* now, const std::vector<Real>& before) {
                return now == nullptr ? 0.0 : std::abs(static_cast<double>(now[k]) - static_cast<double>(before[k]));
            };
            if (off(given.row.minus, minus) > tolerance || off(given.row.plus, plus) > tolerance ||
                off(given.row.tangent, tangent) > tolerance)
                FAIL_CHECK(rows::instruction_set() << " at " << k << ": " << given.row.minus[k] << " for " << minus[k]
                                                   << ", T " << given.row.tangent[k] << " for " << tangent[k]);
        }
    });
}

// From C to C where no gap matters; what comes too close to equal or opposite is told.
template <class Real> void check_values(const Case<Real>& given, const rows::ArcsineRow<Real>& dual) {
    using Numbers = gaussian::ArcsineFeatures;
    constexpr std::size_t size = sheets * positions * lanes;
    constexpr double tolerance = sizeof(Real) == 4 ? 1e-5 : 1e-14;
    std::vector<Real> sum(size), sum_tangent(size), value(size), tangent(size);
    std::vector<rows::Term<Real>> terms = given.terms;
    for (rows::Term<Real>& term : terms)
        term.scale *= static_cast<Real>(0.1); // some |rho| exceed 1 all the same
    test::everywhere([&] {
        rows::LinearRow<Real> row = given.row;
        row.terms = terms.data();
        row.gap = false;
        row.value = true;
        row.plus = nullptr;
        row.minus = sum.data();
        row.tangent = sum_tangent.data();
        rows::linear(row);
        row.minus = value.data();
        row.tangent = tangent.data();
        std::vector<Real> apart(lanes, Real(1));
        rows::value_of_sum(row, dual, apart.data());
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            double most = 1; // the least of 1 - |rho|, in the sine's units
            for (std::size_t at = 0; at < sheets * positions; ++at) {
                const std::size_t k = at * lanes + lane;
                const Real* left = dual.left + at * Numbers::count;
                const Real* right = dual.right + at * Numbers::count * lanes + lane;
                const double rest =
                    static_cast<double>(left[Numbers::rest]) * static_cast<double>(right[Numbers::rest * lanes]);
                const double root =
                    static_cast<double>(left[Numbers::root]) * static_cast<double>(right[Numbers::root * lanes]);
                const double sine = static_cast<double>(sum[k]) * rest / static_cast<double>(dual.blur);
                most = std::min(most, root * (1 - rows::least_apart / 2) - std::abs(sine));
                if (std::abs(sine) > root)
                    continue;
                const double angle = std::asin(sine), scale = static_cast<double>(dual.scale);
                const double slope = scale / static_cast<double>(dual.blur) * rest / std::cos(angle);
                if (std::abs(static_cast<double>(value[k]) - scale * angle) > tolerance ||
                    std::abs(static_cast<double>(tangent[k]) - slope * static_cast<double>(sum_tangent[k])) > tolerance)
                    FAIL_CHECK(rows::instruction_set()
                               << " at " << k << ": " << value[k] << " for " << scale * angle << ", T " << tangent[k]);
            }
            if (std::abs(static_cast<double>(apart[lane]) - most) > tolerance)
                FAIL_CHECK(rows::instruction_set() << ", lane " << lane << ": " << apart[lane] << " for " << most);
        }
    });
}

// Mehler's series the same way against its terms: in blocks for all lanes together, up to where each lane needs them.
void check_series(const Case<double>& given, bool even, bool odd) {
    using rows::SeriesNumbers;
    constexpr std::size_t size = sheets * positions * lanes, terms = 22, width = SeriesNumbers::count + terms;
    constexpr double tolerance = 1e-14;
    const std::vector<double> reach{0.1, 0.3, 0.5, 0.7, 0.9, 1};
    std::vector<double> left(sheets * positions * width), right(left.size() * lanes);
    const auto fill = [&](double inverse, double phase, double* to, std::size_t stride) {
        to[SeriesNumbers::inverse * stride] = inverse;
        to[SeriesNumbers::deviation * stride] = 1 + phase;
        to[SeriesNumbers::first * stride] = 0.3 - phase;
        for (std::size_t k = 0; k < terms; ++k)
            to[(SeriesNumbers::count + k) * stride] = std::cos(static_cast<double>(k) + phase) / static_cast<double>(k + 1);
    };
    for (std::size_t at = 0; at < sheets * positions; ++at) {
        fill(0.3, 0.1 * static_cast<double>(at), left.data() + at * width, 1);
        for (std::size_t lane = 0; lane < lanes; ++lane)
            fill(0.02 * static_cast<double>(lane), 0.01 * static_cast<double>(lane),
                 right.data() + at * width * lanes + lane, lanes);
    }
    rows::ValueSeries dual;
    dual.terms = terms;
    dual.even = even;
    dual.odd = odd;
    dual.reach = reach.data();
    dual.left = left.data();
    dual.left_step = width;
    dual.left_sheet = positions * dual.left_step;
    dual.right = right.data();
    dual.right_step = width * lanes;
    dual.right_sheet = positions * dual.right_step;
    dual.right_stride = lanes;
    std::vector<double> sum(size), sum_tangent(size), value(size), tangent(size);
    test::everywhere([&] {
        rows::LinearRow<double> row = given.row;
        row.gap = false;
        row.value = true;
        row.plus = nullptr;
        row.minus = sum.data();
        row.tangent = sum_tangent.data();
        rows::linear(row);
        row.minus = value.data();
        row.tangent = tangent.data();
        std::vector<double> apart(lanes, 1);
        rows::value_of_sum(row, dual, apart.data());
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            double most = 1;
            for (std::size_t at = 0; at < sheets * positions; ++at) {
                const std::size_t k = at * lanes + lane;
                const auto both = [&](std::size_t n) {
                    return left[at * width + n] * right[(at * width + n) * lanes + lane];
                };
                const double rho = both(SeriesNumbers::inverse) * sum[k];
                most = std::min(most, 1 - rows::least_apart / 2 - std::abs(rho));
                if (std::abs(rho) > 1 - rows::least_apart / 2)
                    continue;
                const std::size_t block = static_cast<std::size_t>(
                    std::find_if(reach.begin(), reach.end(), [&](double bound) { return std::abs(rho) <= bound; }) -
                    reach.begin());
                double slope = 0, integral = 0;
                for (std::size_t n = 0; n < std::min(terms, (block + 1) * gaussian::series_block); ++n) {
                    const auto power = static_cast<double>(even && odd ? n : 2 * n + (even ? 0 : 1));
                    const double term = both(SeriesNumbers::count + n) * std::pow(rho, power);
                    slope += term;
                    integral += term * rho / (power + 1);
                }
                const double expected = both(SeriesNumbers::first) + both(SeriesNumbers::deviation) * integral;
                if (std::abs(value[k] - expected) > tolerance ||
                    std::abs(tangent[k] - slope * sum_tangent[k]) > tolerance * (1 + std::abs(sum_tangent[k])))
                    FAIL_CHECK(rows::instruction_set() << " at " << k << ": " << value[k] << " for " << expected << ", T "
                                                       << tangent[k] << " for " << slope * sum_tangent[k]);
            }
            if (std::abs(apart[lane] - most) > tolerance)
                FAIL_CHECK(rows::instruction_set() << ", lane " << lane << ": " << apart[lane] << " for " << most);
        }
    });
}

template <class Real> void check_all() {
    for (const std::size_t plain : {0u, 1u, 9u})
        for (const bool signs : {false, true})
            for (const bool plus : {false, true}) {
                Case<Real> given(signs, plus, plain);
                rows::HomogeneousRow<Real> leaky;
                leaky.count = lanes;
                leaky.linear = static_cast<Real>(0.3);
                leaky.absolute = static_cast<Real>(0.2);
                check(given, leaky, [](auto&, std::size_t) {});
                using Numbers = gaussian::ArcsineFeatures;
                rows::ArcsineRow<Real> erf;
                erf.lanes = lanes;
                erf.scale = static_cast<Real>(2 * std::numbers::inv_pi);
                erf.blur = static_cast<Real>(0.5);
                erf.right_stride = lanes;
                std::vector<Real> left(sheets * positions * Numbers::count);
                std::vector<Real> right(left.size() * lanes);
                const auto fill = [&](double variance, Real* to, std::size_t stride) {
                    const double sine = variance / (variance + 0.5), rest = 0.5 / (variance + 0.5);
                    const double cosine = std::sqrt(rest * (2 - rest));
                    const double angle = 2 * std::numbers::inv_pi * std::atan2(sine, cosine);
                    const std::pair<std::size_t, double> values[] = {
                        {Numbers::root, std::sqrt(sine)},
                        {Numbers::sine, std::sin(std::atan2(sine, cosine) / 2)},
                        {Numbers::cosine, std::cos(std::atan2(sine, cosine) / 2)},
                        {Numbers::rest, std::sqrt(rest)},
                        {Numbers::norm, std::sqrt(angle)},
                        {Numbers::inverse, 1 / std::sqrt(angle)},
                        {Numbers::angle, angle}};
                    for (const auto& [k, value] : values)
                        to[k * stride] = static_cast<Real>(value);
                };
                for (std::size_t at = 0; at < sheets * positions; ++at) {
                    fill(0.3 + static_cast<double>(at), left.data() + at * Numbers::count, 1);
                    for (std::size_t lane = 0; lane < lanes; ++lane)
                        fill(0.01 * static_cast<double>(lane + 1), right.data() + at * Numbers::count * lanes + lane, lanes);
                }
                erf.left = left.data();
                erf.right = right.data();
                erf.left_step = Numbers::count;
                erf.left_sheet = positions * erf.left_step;
                erf.right_step = Numbers::count * lanes;
                erf.right_sheet = positions * erf.right_step;
                check(given, erf, [&](rows::ArcsineRow<Real>& one, std::size_t at) {
                    one.left += at * Numbers::count;
                    one.right += at * Numbers::count * lanes;
                });
                check_values(given, erf);
            }
}

} // namespace

TEST_CASE("the dual kernel of a sum is that of the row of sums, under every instruction set") {
    check_all<double>();
    check_all<float>();
    for (const std::size_t plain : {0u, 9u})
        for (const auto& [even, odd] : {std::pair{true, false}, {false, true}, {true, true}})
            check_series(Case<double>(true, false, plain), even, odd);
}
