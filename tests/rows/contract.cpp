// Long sums that are closed block by block against the same row of terms, whose positions lie side by side or apart, under
// every instruction set.
#include "runtime/rows/contract.hpp"
#include "tests/rows/everywhere.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <deque>
#include <random>
#include <vector>

namespace {

using namespace tpc;

constexpr std::size_t sheets = 5, positions = 7, repeats = 6;

template <class Real> struct Numbers {
    std::size_t lanes;
    std::ptrdiff_t stride; // from one position to the next
    std::mt19937 engine{5};
    std::deque<std::vector<Real>> all{};

    // By lane, or one for all lanes.
    rows::Moving<Real> draw(bool by_lane, std::ptrdiff_t step, std::ptrdiff_t again, std::ptrdiff_t sheet) {
        std::uniform_real_distribution<double> uniform(0.2, 1);
        const std::ptrdiff_t width = by_lane ? stride : 1;
        auto& numbers = all.emplace_back(static_cast<std::size_t>(width * 64));
        for (Real& number : numbers)
            number = static_cast<Real>(uniform(engine));
        return {numbers.data(), step * width, again * width, sheet * width};
    }
    Real* out() { return all.emplace_back(static_cast<std::size_t>(stride) * sheets * positions, Real(-7)).data(); }
};

// sum over k: l[s,k] C(k,p) and one entry more, with a factor of both sides, as C or as gaps.
template <class Real> void check(std::size_t lanes, std::size_t gap, bool values, bool factors, bool also, bool plus) {
    Numbers<Real> given{lanes, static_cast<std::ptrdiff_t>(lanes + gap)};
    const auto across = static_cast<std::ptrdiff_t>(positions);
    rows::Term<Real> sum, one;
    sum.value = one.value = true;
    sum.repeats = repeats;
    sum.minus = given.draw(true, 1, across, 0);
    sum.tangent = given.draw(true, 1, across, 0);
    sum.left_factor = given.draw(false, 0, 1, static_cast<std::ptrdiff_t>(repeats));
    sum.scale = static_cast<Real>(0.3);
    sum.rate = static_cast<Real>(0.2);
    one.minus = given.draw(true, 1, 0, across);
    one.tangent = given.draw(true, 1, 0, across);
    one.left = static_cast<Real>(-0.7);
    one.scale = static_cast<Real>(0.4);
    one.rate = static_cast<Real>(0.1);
    const std::vector<rows::Term<Real>> terms = {sum, one};
    rows::LinearRow<Real> row;
    row.sheets = sheets;
    row.positions = positions;
    row.lanes = lanes;
    row.terms = terms.data();
    row.count = also ? 2 : 1;
    row.value = values;
    row.step = given.stride;
    row.sheet = given.stride * across;
    if (!values) {
        row.left_inverse = given.draw(false, 0, 0, 1);
        row.right_inverse = given.draw(true, 1, 0, 0);
        const_cast<Real*>(row.right_inverse.data)[1] = 0; // an element that is 0
    }
    if (factors) {
        row.left_factor = given.draw(false, 0, 0, 1);
        row.right_factor = given.draw(true, 1, 0, 0);
    }
    struct Out {
        Real *minus, *plus, *tangent;
    };
    const auto outs = [&](rows::LinearRow<Real>& to) {
        const Out out{given.out(), plus && !values ? given.out() : nullptr, given.out()};
        to.minus = out.minus;
        to.plus = out.plus;
        to.tangent = out.tangent;
        return out;
    };
    const Out linear = outs(row);
    rows::linear(row);
    const Out closed = outs(row);
    std::vector<Real> scratch(rows::contract_scratch(repeats));
    REQUIRE(rows::contracts(sum, sheets, positions));
    REQUIRE(rows::adds_entries(one));
    rows::ContractRow<Real> contract{sheets, positions, lanes, &sum, row.minus, row.tangent, row.step, row.sheet};
    contract.closing = &row;
    contract.also = also ? &one : nullptr;
    rows::contract(contract, scratch.data());
    const double tolerance = sizeof(Real) == 8 ? 1e-13 : 2e-5;
    const auto same = [&](const Real* a, const Real* b) {
        for (std::size_t p = 0; a != nullptr && p < sheets * positions; ++p)
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                const std::size_t at = p * static_cast<std::size_t>(given.stride) + lane;
                if (std::abs(a[at] - b[at]) > tolerance)
                    FAIL(p << " " << lane << ": " << a[at] << " and " << b[at]);
            }
    };
    same(linear.minus, closed.minus);
    same(linear.plus, closed.plus);
    same(linear.tangent, closed.tangent);
    // the formula, at one lane
    for (std::size_t s = 0; s < sheets; ++s)
        for (std::size_t p = 0; p < positions; ++p) {
            const auto at = [&](const rows::Moving<Real>& m, std::size_t k, std::size_t lane) {
                return static_cast<double>(
                    m.data[static_cast<std::ptrdiff_t>(s) * m.sheet + static_cast<std::ptrdiff_t>(p) * m.step +
                           static_cast<std::ptrdiff_t>(k) * m.again + static_cast<std::ptrdiff_t>(lane)]);
            };
            double c = 0, t = 0;
            for (std::size_t k = 0; k < repeats; ++k) {
                const double l = at(sum.left_factor, k, 0);
                c += 0.3 * l * at(sum.minus, k, 2);
                t += 0.3 * l * at(sum.tangent, k, 2) + 0.2 * l * at(sum.minus, k, 2);
            }
            if (also) {
                c -= 0.4 * 0.7 * at(one.minus, 0, 2);
                t -= 0.7 * (0.4 * at(one.tangent, 0, 2) + 0.1 * at(one.minus, 0, 2));
            }
            const double factor = factors ? at(row.left_factor, 0, 0) * at(row.right_factor, 0, 2) : 1;
            const double inverse = values ? 1 : at(row.left_inverse, 0, 0) * at(row.right_inverse, 0, 2);
            const double expected = values ? factor * c : std::max(2 - 2 * factor * c * inverse, 0.0);
            const std::size_t to = (s * positions + p) * static_cast<std::size_t>(given.stride) + 2;
            CHECK(std::abs(static_cast<double>(closed.minus[to]) - expected) <= tolerance);
            CHECK(std::abs(static_cast<double>(closed.tangent[to]) - factor * t) <= tolerance);
        }
}

template <class Real> void check_all() {
    constexpr std::size_t step = rows::lane_step<Real>;
    for (const std::size_t lanes : {step, 3 * step})
        for (const std::size_t gap : {std::size_t{0}, step})
            for (const bool values : {false, true})
                for (const bool factors : {false, true})
                    for (const bool also : {false, true})
                        for (const bool plus : {false, true})
                            check<Real>(lanes, gap, values, factors, also, plus);
}

} // namespace

TEST_CASE("long sums are closed as rows of their terms are") {
    test::everywhere([] {
        check_all<double>();
        check_all<float>();
    });
}
