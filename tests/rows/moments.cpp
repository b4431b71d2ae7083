// Second moments by rows, of any number of samples: nothing beyond them is read or written.
#include "runtime/rows/rows.hpp"
#include "tests/rows/everywhere.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace tpc;

namespace {

template <class Real> void check_moments(std::size_t lanes) {
    INFO(lanes << " lanes");
    constexpr Real other = -7;
    const auto numbers = [&](double seed) {
        std::vector<Real> row(lanes);
        for (std::size_t k = 0; k < lanes; ++k)
            row[k] = static_cast<Real>(std::cos(seed + 3 * static_cast<double>(k)));
        return row;
    };
    const std::vector<Real> x = numbers(1), y = numbers(2), a = numbers(3), b = numbers(4), c = numbers(5);
    const std::vector<rows::MomentTerm<Real>> terms{{Real(0.5)},
                                                    {Real(2), x.data(), y.data(), {a.data(), b.data(), c.data()}},
                                                    {Real(1.5), y.data(), nullptr, {nullptr, a.data(), nullptr}}};
    std::vector<std::vector<Real>> out(4, std::vector<Real>(lanes + 1, other)); // one more, which is nobody's
    const rows::MomentRow<Real> row{lanes,         terms.data(),  terms.size(), out[0].data(),
                                    out[1].data(), out[2].data(), out[3].data()};
    CHECK(rows::moments(row));
    for (std::size_t k = 0; k < lanes; ++k) {
        const double sum = 0.5 + 2.0 * a[k] * b[k] * c[k] * (static_cast<double>(x[k]) - y[k]) + 1.5 * a[k] * y[k];
        const double second = std::max(sum, 0.0), close = 20 * static_cast<double>(std::numeric_limits<Real>::epsilon());
        CHECK(static_cast<double>(out[0][k]) == Approx(second).margin(close));
        CHECK(static_cast<double>(out[1][k]) == Approx(std::sqrt(static_cast<double>(out[0][k]))).epsilon(close));
        CHECK(out[2][k] == 0);
        CHECK(out[3][k] == 4 * out[0][k]);
    }
    for (const std::vector<Real>& numbers_out : out)
        CHECK(numbers_out.back() == other);
}

} // namespace

TEST_CASE("second moments of any number of samples") {
    test::everywhere([] {
        for (std::size_t lanes = 1; lanes <= 35; ++lanes) {
            check_moments<double>(lanes);
            check_moments<float>(lanes);
        }
    });
}

TEST_CASE("second moments that are not finite are told") {
    for (const double value : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
        for (std::size_t at = 0; at < 21; ++at) {
            std::vector<double> numbers(21, 1), out(4 * 21);
            numbers[at] = value;
            const rows::MomentTerm<double> term{1, numbers.data()};
            CHECK(!rows::moments(
                rows::MomentRow<double>{21, &term, 1, out.data(), out.data() + 21, out.data() + 42, out.data() + 63}));
        }
}
