// Sums of terms of all kinds against the formula of rows.hpp, under every instruction set.
#include "runtime/rows/rows.hpp"
#include "tests/rows/everywhere.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>
#include <vector>

namespace {

using namespace tpc;

template <class Real> struct Terms {
    std::size_t sheets, positions, lanes, gap; // numbers between the lanes of two positions
    std::mt19937 engine{11};
    std::deque<std::vector<Real>> numbers{};

    rows::Moving<Real> draw(bool by_lane, double lower, double upper, std::size_t repeats = 1) {
        std::uniform_real_distribution<double> uniform(lower, upper);
        const std::size_t width = by_lane ? lanes + gap : 1;
        auto& values = numbers.emplace_back(sheets * positions * width + repeats * width);
        for (Real& value : values)
            value = static_cast<Real>(uniform(engine));
        const auto step = static_cast<std::ptrdiff_t>(width);
        return {values.data(), step, step, step * static_cast<std::ptrdiff_t>(positions)};
    }
    rows::Term<Real> entry(bool plus, bool tangent, std::size_t repeats) {
        rows::Term<Real> term;
        term.repeats = repeats;
        term.minus = draw(true, 0, plus ? 4 : 2, repeats);
        if (plus)
            term.plus = draw(true, 0, 4, repeats);
        if (tangent)
            term.tangent = draw(true, -1, 1, repeats);
        term.left_norm = draw(false, 0.5, 2, repeats);
        term.right_norm = draw(true, 0.5, 2, repeats);
        term.scale = static_cast<Real>(0.7);
        term.rate = static_cast<Real>(0.35);
        return term;
    }
};

template <class Real> void check_terms(std::size_t lanes, std::size_t gap, bool by_gap, bool plus, bool tangent) {
    Terms<Real> given{.sheets = 2, .positions = 5, .lanes = lanes, .gap = gap};
    std::vector<rows::Term<Real>> terms = {given.entry(false, true, 1), given.entry(false, true, 3),
                                           given.entry(true, false, 1), given.entry(true, true, 2)};
    terms[2].scale = static_cast<Real>(0.4); // of the same slope
    terms[2].rate = static_cast<Real>(0.2);
    terms[3].left = terms[3].right = static_cast<Real>(-1.5);
    rows::Term<Real> parameter;
    parameter.scale = static_cast<Real>(0.1);
    parameter.rate = static_cast<Real>(0.3);
    terms.push_back(parameter);
    terms.push_back(given.entry(true, true, 2)); // of another slope, with factors of both signs
    terms.back().rate = static_cast<Real>(-0.2);
    terms.back().left = static_cast<Real>(-0.5);
    terms.back().left_factor = given.draw(false, -1, 1, 2);
    terms.back().right_factor = given.draw(true, -1, 1, 2);
    if (!by_gap) {
        terms.push_back(given.entry(false, true, 2));
        terms.back().value = true;
        terms.back().left_norm = terms.back().right_norm = {};
    }
    for (const std::size_t count : {std::size_t{1}, std::size_t{4}, std::size_t{5}, terms.size()}) {
        rows::LinearRow<Real> row;
        row.sheets = given.sheets;
        row.positions = given.positions;
        row.lanes = lanes;
        row.terms = terms.data();
        row.count = count;
        row.gap = by_gap;
        row.left_inverse = given.draw(false, 0.2, 0.4);
        row.right_inverse = given.draw(true, 0.2, 0.4);
        const_cast<Real*>(row.right_inverse.data)[3] = 0; // an element that is 0
        const rows::Moving<Real> out[] = {given.draw(true, 0, 0), given.draw(true, 0, 0), given.draw(true, 0, 0)};
        row.minus = const_cast<Real*>(out[0].data);
        row.plus = plus ? const_cast<Real*>(out[1].data) : nullptr;
        row.tangent = tangent ? const_cast<Real*>(out[2].data) : nullptr;
        row.step = out[0].step;
        row.sheet = out[0].sheet;
        const auto check = [&] {
            rows::linear(row);
            double worst = 0;
            for (std::size_t at = 0; at < given.sheets * given.positions * lanes; ++at) {
                const auto lane = static_cast<std::ptrdiff_t>(at % lanes);
                const auto position = static_cast<std::ptrdiff_t>(at / lanes % given.positions);
                const auto sheet = static_cast<std::ptrdiff_t>(at / lanes / given.positions);
                const auto read = [&](const rows::Moving<Real>& m, bool by_lane, std::size_t again, double otherwise) {
                    return m.data == nullptr
                               ? otherwise
                               : static_cast<double>(
                                     m.data[sheet * m.sheet + position * m.step +
                                            static_cast<std::ptrdiff_t>(again) * m.again + (by_lane ? lane : 0)]);
                };
                const double left = read(row.left_inverse, false, 0, 0), right = read(row.right_inverse, true, 0, 0);
                double c = 0, m = 0, p = 0, t = 0;
                for (std::size_t k = 0; k < count; ++k)
                    for (std::size_t again = 0; again < terms[k].repeats; ++again) {
                        const rows::Term<Real>& term = terms[k];
                        const auto scale = static_cast<double>(term.scale);
                        const double l = static_cast<double>(term.left) * read(term.left_factor, false, again, 1);
                        const double r = static_cast<double>(term.right) * read(term.right_factor, true, again, 1);
                        const double x = l * read(term.left_norm, false, again, 1);
                        const double y = r * read(term.right_norm, true, again, 1);
                        const double minus = read(term.minus, true, again, 0);
                        const double other = read(term.plus, true, again, 4 - minus);
                        const double own = term.value ? l * r * minus : x * y * (1 - minus / 2);
                        const double e = std::abs(x) * left - std::abs(y) * right;
                        const double w = scale * std::abs(x * y) * left * right;
                        c += scale * own;
                        m += w * (x * y < 0 ? other : minus) + scale * e * e;
                        p += w * (x * y < 0 ? minus : other) + scale * e * e;
                        t += scale * l * r * read(term.tangent, true, again, 0) + static_cast<double>(term.rate) * own;
                    }
                if (!by_gap) {
                    m = std::max(0.0, 2 - 2 * c * left * right);
                    p = std::max(0.0, 2 + 2 * c * left * right);
                }
                if (left * right == 0)
                    m = p = 2;
                const auto off = [&](const Real* now, double right_one) {
                    if (now != nullptr)
                        worst = std::max(
                            worst,
                            std::abs(static_cast<double>(now[sheet * row.sheet + position * row.step + lane]) - right_one));
                };
                off(row.minus, m);
                off(row.plus, p);
                off(row.tangent, t);
            }
            INFO(rows::instruction_set() << ", " << count << " terms, " << lanes << " lanes");
            CHECK(worst < (sizeof(Real) == 4 ? 1e-4 : 1e-13));
        };
        test::everywhere(check);
    }
}

} // namespace

TEST_CASE("sums of terms of all kinds are those of their formula, under every instruction set") {
    const auto all = [](auto zero) {
        using Real = decltype(zero);
        for (const std::size_t vectors : {1u, 2u, 7u})
            for (const std::size_t gap : {std::size_t{0}, rows::lane_step<Real>})
                for (const bool by_gap : {false, true})
                    for (const bool plus : {false, true})
                        for (const bool tangent : {false, true})
                            check_terms<Real>(vectors * rows::lane_step<Real>, gap, by_gap, plus, tangent);
    };
    all(1.0);
    all(1.0f);
}

TEST_CASE("gaps become covariances where they are, under every instruction set") {
    Terms<double> given{.sheets = 2, .positions = 3, .lanes = 2 * rows::lane_step<double>, .gap = 8};
    rows::ValueRow<double> row;
    row.sheets = given.sheets;
    row.positions = given.positions;
    row.lanes = given.lanes;
    row.left_norm = given.draw(false, 0, 2);
    row.right_norm = given.draw(true, 0, 2);
    const rows::Moving<double> gaps = given.draw(true, 0, 4);
    row.step = gaps.step;
    row.sheet = gaps.sheet;
    tpc::test::everywhere([&] {
        std::vector<double> data(gaps.data, gaps.data + row.sheet * static_cast<std::ptrdiff_t>(row.sheets));
        row.data = data.data();
        rows::values(row);
        double worst = 0;
        for (std::size_t k = 0; k < data.size(); ++k) {
            const auto at = static_cast<std::ptrdiff_t>(k);
            const bool lane = at % row.step < static_cast<std::ptrdiff_t>(row.lanes);
            const double wanted =
                lane ? row.left_norm.data[at / row.step] * row.right_norm.data[at] * (1 - gaps.data[at] / 2) : gaps.data[at];
            worst = std::max(worst, std::abs(data[k] - wanted));
        }
        INFO(rows::instruction_set());
        CHECK(worst < 1e-14);
    });
}
