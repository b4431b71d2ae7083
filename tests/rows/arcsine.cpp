// Arcsine rows against fifty digits, under every instruction set of the machine.
#include "runtime/rows/rows.hpp"
#include "tests/gaussian/support.hpp"
#include "tests/rows/everywhere.hpp"

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

namespace {

using namespace tpc;
using Big = boost::multiprecision::cpp_bin_float_50;

// constant + factor erf(z / sqrt(2 blur)); sign z without blur.
struct Function {
    double constant, factor, blur;
};

ir::ExprId expression(test::Table& t, const Function& f) {
    const ir::ExprId step =
        f.blur > 0 ? t.call(ir::Function::erf, t.call(ir::Function::mul, t.number(1 / std::sqrt(2 * f.blur)), t.z))
                   : t.call(ir::Function::sign, t.z);
    return t.call(ir::Function::add, t.number(f.constant), t.call(ir::Function::mul, t.number(f.factor), step));
}

struct Exact {
    Big minus, plus, slope;
};

// `gap` is 1 - rho, or 1 + rho where `opposite`.
Exact exact(const Function& f, double A, double B, double gap, bool opposite) {
    const Big pi = boost::math::constants::pi<Big>();
    const Big scale = 2 / pi * Big(f.factor) * f.factor, constant = Big(f.constant) * f.constant;
    const auto share = [&](double variance) { return variance > 0 ? Big(variance) / (Big(variance) + f.blur) : Big(0); };
    const auto second = [&](double variance) { return Big(constant + scale * asin(share(variance))); };
    const Big rho = opposite ? Big(gap) - 1 : 1 - Big(gap);
    const Big sine = rho * sqrt(Big(share(A) * share(B)));
    const Big product = sqrt(Big(second(A) * second(B)));
    const Big value = constant + scale * asin(sine);
    const Big slope =
        f.blur > 0 ? Big(scale / sqrt(Big((Big(A) + f.blur) * (Big(B) + f.blur) * (1 - sine * sine)))) : Big(0);
    if (product == 0)
        return {2, 2, slope};
    return {2 * (1 - value / product), 2 * (1 + value / product), slope};
}

const std::vector<double> variances{0, 1e-6, 1e-6 * (1 + 1e-7), 1e-3, 1.1e-3, 0.02, 0.5, 0.5 * (1 + 1e-6), 2, 2.5, 40, 1e3};
const std::vector<double> gaps{0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 0.1, 0.5, 1};

// Gaps as angles: what a kinked function after them would notice.
double off(double given, const Big& wanted) {
    return std::abs(static_cast<double>(Big(sqrt(Big(given)) - sqrt(Big(abs(wanted))))));
}

template <class Real> void check(const Function& f) {
    test::Table table;
    const gaussian::Activation phi = table.activation(expression(table, f));
    std::string reason;
    const auto dual = gaussian::make_dual<Real>(phi, phi, {1e3, 0}, {}, &reason);
    REQUIRE(dual != nullptr);
    REQUIRE(dual->method() == "closed form (arcsine)");
    const gaussian::Shape shape = dual->shape();
    REQUIRE(shape.kind == gaussian::Shape::Kind::arcsine);
    const bool opposites = !shape.nonnegative;
    const std::size_t used = 2 * gaps.size();
    constexpr std::size_t step = rows::lane_step<Real>;
    const std::size_t lanes = (used + step - 1) / step * step;
    constexpr std::size_t numbers = gaussian::ArcsineFeatures::count;
    constexpr double tolerance = sizeof(Real) == 4 ? 3e-6 : 3e-14;
    std::vector<Real> left(numbers), right(numbers * lanes), minus(lanes, 2), plus(lanes, 2), tangent(lanes, 3);
    std::vector<Real> out_minus(lanes), out_plus(lanes), out_tangent(lanes);
    rows::ArcsineRow<Real> row;
    row.lanes = lanes;
    row.constant = static_cast<Real>(shape.constant);
    row.scale = static_cast<Real>(shape.scale);
    row.blur = static_cast<Real>(shape.blur);
    row.left = left.data();
    row.right = right.data();
    row.right_stride = lanes;
    row.minus = minus.data();
    row.plus = plus.data();
    row.tangent = tangent.data();
    row.out_minus = out_minus.data();
    row.out_plus = opposites ? out_plus.data() : nullptr;
    row.out_tangent = out_tangent.data();
    for (const double a : variances)
        for (const double b : variances) {
            const Real A = static_cast<Real>(a), B = static_cast<Real>(b);
            dual->prepare(0, 1, &A, nullptr, left.data(), 1);
            dual->prepare(1, lanes, std::vector<Real>(lanes, B).data(), nullptr, right.data(), lanes);
            std::vector<Exact> wanted;
            for (std::size_t k = 0; k < used; ++k) {
                const bool opposite = k % 2 == 1;
                const Real t = A > 0 && B > 0 ? static_cast<Real>(gaps[k / 2]) : Real(1);
                (opposite ? plus : minus)[k] = 2 * t;
                (opposite ? minus : plus)[k] = 4 - 2 * t;
                wanted.push_back(exact(f, A, B, t, opposite));
            }
            test::everywhere([&] {
                rows::arcsine(row);
                for (std::size_t k = 0; k < used; ++k) {
                    const double slope = static_cast<double>(3 * wanted[k].slope);
                    if (off(out_minus[k], wanted[k].minus) <= tolerance &&
                        (!opposites || off(out_plus[k], wanted[k].plus) <= tolerance) &&
                        std::abs(out_tangent[k] - slope) <= tolerance * slope)
                        continue;
                    FAIL_CHECK(rows::instruction_set() << ": " << f.constant << " + " << f.factor << " S(z), blur " << f.blur
                                                       << ", A = " << A << ", B = " << B << ", gaps " << minus[k] << ", "
                                                       << plus[k] << ": " << off(out_minus[k], wanted[k].minus) << ", "
                                                       << (opposites ? off(out_plus[k], wanted[k].plus) : 0.0) << ", "
                                                       << out_tangent[k] / slope - 1);
                }
            });
        }
}

} // namespace

TEST_CASE("arcsine rows agree with fifty digits at any distance, under every instruction set") {
    for (const Function& f : {Function{0, 1, 0.5}, Function{0, -0.7, 3}, Function{0.5, 0.5, 0.5}, Function{0.2, 1, 0.125},
                              Function{0.5, 0.5, 0}, Function{0, 1.5, 0}}) {
        check<double>(f);
        check<float>(f);
    }
}
