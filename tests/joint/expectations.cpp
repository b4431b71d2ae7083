// Functions of several Gaussians: values, gradients, homogeneity, and estimates whose stated error holds.
#include "runtime/joint/shared.hpp"
#include "runtime/points/expectation.hpp"
#include "runtime/points/points.hpp"
#include "runtime/points/root.hpp"
#include "runtime/points/twins.hpp"
#include "runtime/series/spectral.hpp"
#include "runtime/tapes/elementwise.hpp"

#include <catch2/catch.hpp>

#include <Eigen/SVD>

#include <algorithm>
#include <cmath>
#include <numbers>

using namespace tpc;
using ir::Function;
using joint::Integrand;

namespace {

// Mean and standard error over independent replicates.
struct Estimate {
    double value = 0, error = 0;
    Eigen::MatrixXd slopes;
};
Estimate replicated(const Integrand& integrand, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                    unsigned log2_points = 12) {
    constexpr int replicates = 8;
    std::vector<double> values;
    Estimate result;
    result.slopes = Eigen::MatrixXd::Zero(integrand.left_gaussians, integrand.right_gaussians);
    for (std::uint32_t r = 0; r < replicates; ++r) {
        const joint::Expectation one = joint::estimate(integrand, mean, covariance, {}, {log2_points, r}, true);
        values.push_back(one.value);
        result.value += one.value / replicates;
        result.slopes += one.slopes / replicates;
    }
    for (const double value : values)
        result.error += (value - result.value) * (value - result.value);
    result.error = std::sqrt(result.error / (replicates * (replicates - 1)));
    return result;
}

} // namespace

TEST_CASE("scrambled points are evenly spread in every coordinate and differ between replicates") {
    const auto points = joint::normal_points(6, 8, 3);
    for (const auto& row : points) {
        std::vector<int> boxes(256, 0);
        for (const double z : *row)
            ++boxes.at(static_cast<std::size_t>(0.5 * std::erfc(-z / std::numbers::sqrt2) * 256));
        CHECK(std::all_of(boxes.begin(), boxes.end(), [](int n) { return n == 1; }));
    }
    CHECK(*points[5] != *joint::normal_points(6, 8, 4)[5]);
    CHECK(*points[5] == *joint::normal_points(6, 8, 3)[5]);
    // two coordinates together: one point in each of 16 x 16 boxes
    std::vector<int> boxes(256, 0);
    const auto box = [](double z) { return static_cast<std::size_t>(0.5 * std::erfc(-z / std::numbers::sqrt2) * 16); };
    for (std::size_t i = 0; i < 256; ++i)
        ++boxes.at(16 * box((*points[0])[i]) + box((*points[1])[i]));
    CHECK(std::all_of(boxes.begin(), boxes.end(), [](int n) { return n == 1; }));
    const auto four = joint::normal_points(6, 10, joint::first_four);
    CHECK(std::equal(points[5]->begin(), points[5]->end(), four[5]->begin() + 3 * 256));
}

TEST_CASE("powers of multiples of 1/2 are products and roots, with the values of pow") {
    for (int twice = -17; twice <= 17; ++twice) {
        joint::Tape tape;
        const double exponent = twice / 2.0;
        const auto power = tape.apply(Function::pow, tape.gaussian(0), tape.number(exponent));
        const bool library = std::ranges::any_of(tape.nodes(), [](const auto& node) {
            return node.kind == joint::TapeNode::Kind::apply && node.function == Function::pow;
        });
        CHECK(library == (std::abs(twice) == 17));
        joint::TapeRun run(tape, {power}, joint::row_step, nullptr);
        std::vector<double> x(joint::row_step);
        for (std::size_t k = 0; k < x.size(); ++k)
            x[k] = (twice % 2 == 0 ? -1.37 : 0.11) + 0.31 * static_cast<double>(k);
        run.evaluate(x.data(), x.size(), x.size());
        for (std::size_t k = 0; k < x.size(); ++k)
            CHECK(run.row(power)[k] == Approx(std::pow(x[k], exponent)).epsilon(1e-15 * (4 + std::abs(exponent))));
    }
}

TEST_CASE("the gradient of a tape is that of its function") {
    joint::Tape tape;
    const auto x = tape.gaussian(0);
    const auto y = tape.gaussian(1);
    // max(tanh(x), y^3) / sqrt(1 + x^2) + x y
    const auto top = tape.apply(Function::max, tape.apply(Function::tanh, x), tape.apply(Function::pow, y, tape.number(3)));
    const auto below =
        tape.apply(Function::sqrt, tape.apply(Function::add, tape.number(1), tape.apply(Function::square, x)));
    const auto f = tape.apply(Function::add, tape.apply(Function::div, top, below), tape.apply(Function::mul, x, y));
    const auto gradient = tape.gradient(f, 2);
    const auto at = [&](double a, double b, joint::NodeId node) {
        joint::TapeRun run(tape, {node}, 1, nullptr);
        const double point[] = {a, b};
        run.evaluate(point, 1, 1);
        return run.row(node)[0];
    };
    for (const auto& [a, b] : {std::pair(0.3, -0.8), std::pair(-1.2, 0.9), std::pair(0.7, 1.4)}) {
        const double h = 1e-6;
        CHECK(at(a, b, gradient[0]) == Approx((at(a + h, b, f) - at(a - h, b, f)) / (2 * h)).epsilon(1e-6));
        CHECK(at(a, b, gradient[1]) == Approx((at(a, b + h, f) - at(a, b - h, f)) / (2 * h)).epsilon(1e-6));
    }
}

TEST_CASE("homogeneity is found through quotients, kinks and roots, and not where it is not") {
    joint::Tape tape;
    const auto x = tape.gaussian(0);
    const auto y = tape.gaussian(1);
    const auto norm = tape.apply(
        Function::sqrt, tape.apply(Function::add, tape.apply(Function::square, x), tape.apply(Function::square, y)));
    const auto unit = tape.apply(Function::relu, tape.apply(Function::div, x, norm));
    const auto shifted = tape.apply(Function::relu, tape.apply(Function::add, x, tape.number(1)));
    const auto gradient = tape.gradient(unit, 2);
    const auto degrees = joint::degrees(tape);
    CHECK(degrees[unit].known);
    CHECK(degrees[unit].value == 0);
    CHECK(degrees[gradient[1]].known);
    CHECK(degrees[gradient[1]].value == -1);
    CHECK_FALSE(degrees[shifted].known);
}

TEST_CASE("an expectation over two Gaussians agrees with the arc-cosine kernel") {
    Integrand integrand;
    integrand.left = integrand.tape.apply(Function::relu, integrand.tape.gaussian(0));
    integrand.right = integrand.tape.apply(Function::relu, integrand.tape.gaussian(1));
    integrand.left_gaussians = integrand.right_gaussians = 1;
    joint::finish(integrand, true);
    for (const double rho : {-1.0, -0.3, 0.0, 0.8, 1.0}) {
        Eigen::MatrixXd covariance(2, 2);
        covariance << 2, rho * std::sqrt(6.0), rho * std::sqrt(6.0), 3;
        const Estimate e = replicated(integrand, Eigen::VectorXd::Zero(2), covariance);
        const double angle = std::acos(rho);
        const double exact = std::sqrt(6.0) / (2 * std::numbers::pi) * (std::sin(angle) + (std::numbers::pi - angle) * rho);
        CHECK(std::abs(e.value - exact) <= 4 * e.error + 1e-12);
        CHECK(e.error < 3e-4);
        CHECK(e.slopes(0, 0) == Approx((std::numbers::pi - angle) / (2 * std::numbers::pi)).margin(1e-3));
    }
}

TEST_CASE("polynomials of dependent Gaussians with means follow Isserlis, with the error that is stated") {
    // E[(a b) (a' b')] of four Gaussians with means
    Integrand integrand;
    integrand.left = integrand.tape.apply(Function::mul, integrand.tape.gaussian(0), integrand.tape.gaussian(1));
    integrand.right = integrand.tape.apply(Function::mul, integrand.tape.gaussian(2), integrand.tape.gaussian(3));
    integrand.left_gaussians = integrand.right_gaussians = 2;
    joint::finish(integrand, true);
    Eigen::MatrixXd root(4, 3); // of rank 3
    root << 1, 0, 0, 0.5, 0.6, 0, -0.2, 0.3, 0.7, 0.1, 0.4, -0.5;
    const Eigen::MatrixXd c = root * root.transpose();
    Eigen::VectorXd m(4);
    m << 0.3, -0.2, 0.5, 1;
    const Eigen::MatrixXd s = c + m * m.transpose(); // second moments
    const double exact = s(0, 1) * s(2, 3) + s(0, 2) * s(1, 3) + s(0, 3) * s(1, 2) - 2 * m[0] * m[1] * m[2] * m[3];
    const Estimate e = replicated(integrand, m, c);
    CHECK(std::abs(e.value - exact) <= 4 * e.error);
    CHECK(e.error < 1e-3);
    CHECK(e.slopes(0, 1) == Approx(s(1, 2)).margin(1e-3)); // E[b a']
}

TEST_CASE("a homogeneous integrand is finite where its radial moment is, and refused where it is not") {
    // E[1 / |z|^2] of r standard normals is 1 / (r - 2)
    for (const std::uint32_t rank : {2U, 3U, 5U}) {
        Integrand integrand;
        auto& tape = integrand.tape;
        auto sum = tape.number(0);
        for (std::uint32_t k = 0; k < rank; ++k)
            sum = tape.apply(Function::add, sum, tape.apply(Function::square, tape.gaussian(k)));
        integrand.left = tape.apply(Function::div, tape.number(1), sum);
        integrand.right = tape.number(1);
        integrand.left_gaussians = rank;
        joint::finish(integrand, false);
        const auto size = static_cast<Eigen::Index>(rank);
        const auto estimate = [&] {
            return joint::estimate(integrand, Eigen::VectorXd::Zero(size), Eigen::MatrixXd::Identity(size, size), {}, {8, 0},
                                   false);
        };
        if (rank == 2)
            CHECK_THROWS_AS(estimate(), std::domain_error);
        else
            CHECK(estimate().value == Approx(1.0 / (rank - 2)).epsilon(1e-12));
    }
}

TEST_CASE("parts that share their points have the expectations of each, in double and in single precision") {
    // Gaussians 0 and 2 of the left, 1 and 3 of the right; the second part has them in another order, and a number
    const auto part = [](bool turned) {
        joint::Part result;
        result.left = result.right = {0, 1};
        Integrand& integrand = result.integrand;
        integrand.left_gaussians = integrand.right_gaussians = 2;
        joint::Tape& tape = integrand.tape;
        const std::uint32_t one = turned ? 1 : 0, other = 1 - one;
        const auto gate = tape.apply(Function::sigmoid, tape.gaussian(one));
        const auto grown = tape.apply(Function::exp, tape.apply(Function::mul, tape.number(0.5), tape.gaussian(2 + one)));
        integrand.left = tape.apply(Function::mul, gate, tape.apply(Function::tanh, tape.gaussian(other)));
        integrand.right = tape.apply(Function::add, grown, tape.gaussian(2 + other));
        if (turned) {
            integrand.left = tape.apply(Function::add, integrand.left, tape.gaussian(one));
            integrand.right = tape.apply(Function::mul, tape.sample(0), integrand.right);
        }
        joint::finish(integrand, true);
        return result;
    };
    const joint::Part first = part(false), second = part(true);
    const joint::Shared shared = joint::share({{&first, {0, 2}, {1, 3}, {}}, {&second, {2, 0}, {3, 1}, {1}}});
    CHECK(shared.left.values.size() == 2);
    CHECK(shared.left_places == std::vector<std::uint32_t>{0, 2});
    const Eigen::VectorXd mean = Eigen::Vector4d(0.2, -0.4, 0.1, 0.3);
    Eigen::MatrixXd linked(2, 2);
    linked << 0.7, 0, -0.4, 1.3;
    const bool dependent = GENERATE(false, true); // the left Gaussians are functions of the right ones
    Eigen::MatrixXd root(4, 4);
    root << 1, 0.3, -0.2, 0.5, 0, 0.8, 0.4, 0.1, 0.6, 0, 1.1, 0, -0.3, 0.2, 0, 0.7;
    if (dependent)
        root.topRows(2) << 2 * root.row(2) - root.row(3), 0.5 * root.row(3);
    const Eigen::MatrixXd covariance = root * root.transpose();
    const std::vector<Eigen::Index> turned{1, 0, 3, 2};
    for (const double acceptable : {0.0, 1e-3}) {
        joint::Sampling sampling{16, 2};
        sampling.acceptable = acceptable;
        const joint::SharedExpectations all = joint::estimate(shared, mean, covariance, linked, {7, 1.5}, sampling);
        for (std::size_t k = 0; k < 2; ++k) {
            const std::vector<Eigen::Index> order = k == 0 ? std::vector<Eigen::Index>{0, 1, 2, 3} : turned;
            const Eigen::MatrixXd links = linked(std::vector<Eigen::Index>(order.begin(), order.begin() + 2),
                                                 std::vector<Eigen::Index>(order.begin(), order.begin() + 2));
            const auto exact = joint::spectral((k == 0 ? first : second).integrand, mean(order), covariance(order, order),
                                               {1.5}, true, 1e-8, 1'000'000);
            REQUIRE(exact);
            CHECK(std::abs(all.values.at(k) - exact->expectation.value) < 2e-4 * exact->norm);
            const double tangent = exact->expectation.slopes.cwiseProduct(links).sum();
            CHECK(std::abs(all.tangents.at(k) - tangent) < 2e-4 * exact->slope_norm * links.cwiseAbs().sum());
        }
    }
}

TEST_CASE("a root rotated to another one is the nearest root of its covariance, whatever their ranks") {
    const Eigen::MatrixXd all = Eigen::MatrixXd::NullaryExpr(
        5, 5, [](Eigen::Index i, Eigen::Index j) { return std::sin(static_cast<double>(3 * i + 7 * j * j + 1)); });
    const Eigen::Index rank = GENERATE(0, 1, 3, 5), other_rank = GENERATE(0, 2, 3, 5);
    const Eigen::MatrixXd root = all.leftCols(rank);
    const Eigen::MatrixXd other = (all.transpose() + Eigen::MatrixXd::Identity(5, 5)).leftCols(other_rank);
    const Eigen::MatrixXd covariance = root * root.transpose();
    const Eigen::MatrixXd near = root * joint::rotation_to(root, other);
    REQUIRE(near.cols() == std::max(rank, other_rank));
    CHECK((near * near.transpose() - covariance).norm() < 1e-12);
    // whatever root it came from
    const Eigen::MatrixXd again = joint::principal_root(covariance);
    if (other_rank >= rank)
        CHECK((again * joint::rotation_to(again, other) - near).norm() < 1e-9);
    // the trace of near' other is the sum of the singular values of root' other, and no rotation has more
    const Eigen::MatrixXd between = root.transpose() * other;
    const double most = between.size() == 0 ? 0 : between.jacobiSvd().singularValues().sum();
    CHECK(std::abs((near.leftCols(other_rank).transpose() * other).trace() - most) < 1e-12);
}

TEST_CASE("roots hold the digits of each Gaussian, whatever the scale of others") {
    const double small = GENERATE(1.0, 1e-3, 1e-9, 1e-40);
    Eigen::VectorXd scales(6);
    scales << 1, small, 1, small, small, 2; // three blocks
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Identity(6, 6);
    const auto link = [&](Eigen::Index i, Eigen::Index j, double rho) { covariance(i, j) = covariance(j, i) = rho; };
    link(0, 1, 0.5);
    link(0, 2, 0.3);
    link(1, 2, -0.4);
    link(3, 4, 1); // one Gaussian twice
    covariance = scales.asDiagonal() * covariance * scales.asDiagonal();
    const Eigen::MatrixXd root = joint::principal_root(covariance);
    CHECK(root.cols() == 5);
    const Eigen::MatrixXd error =
        scales.cwiseInverse().asDiagonal() * (root * root.transpose() - covariance) * scales.cwiseInverse().asDiagonal();
    CHECK(error.cwiseAbs().maxCoeff() < 1e-8);
    CHECK((joint::inverse_of_root(root) * root - Eigen::MatrixXd::Identity(5, 5)).cwiseAbs().maxCoeff() < 1e-8);
}

TEST_CASE("points of nearly one law are nearly the same in one frame, where eigenvectors are not") {
    joint::Part part;
    part.left = part.right = {0, 1};
    Integrand& integrand = part.integrand;
    integrand.left_gaussians = integrand.right_gaussians = 2;
    joint::Tape& tape = integrand.tape;
    const auto gated = [&](std::uint32_t first) {
        const auto gate = tape.apply(Function::sigmoid, tape.gaussian(first));
        return tape.apply(Function::mul, gate, tape.apply(Function::tanh, tape.gaussian(first + 1)));
    };
    integrand.left = gated(0);
    integrand.right = gated(2);
    joint::finish(integrand, true);
    const joint::Shared shared = joint::share({{&part, {0, 1}, {0, 1}, {}}});
    // Nearly equal eigenvalues, whose directions are what the noise says.
    const Eigen::MatrixXd linked = Eigen::MatrixXd::Identity(2, 2);
    const auto covariance = [](double noise) {
        Eigen::MatrixXd result = Eigen::MatrixXd::Identity(4, 4);
        result(0, 2) = result(2, 0) = result(1, 3) = result(3, 1) = 0.5;
        result(0, 1) = result(1, 0) = noise;
        result(2, 3) = result(3, 2) = -2 * noise;
        result(0, 3) = result(3, 0) = 0.3 * noise;
        return result;
    };
    const bool together = GENERATE(false, true);
    const auto at = [&](double noise, Eigen::MatrixXd* frame) {
        joint::Sampling sampling{10, 3};
        sampling.frame = frame;
        const Eigen::VectorXd mean = Eigen::VectorXd::Zero(4);
        return together ? joint::estimate(shared, mean, covariance(noise), linked, {}, sampling).values.at(0)
                        : joint::estimate(integrand, mean, covariance(noise), {}, sampling, false).value;
    };
    Eigen::MatrixXd frame;
    const double first = at(1e-5, &frame);
    CHECK(std::abs(at(-1e-5, &frame) - first) < 1e-6);
    CHECK(std::abs(at(-1e-5, nullptr) - first) > 1e-5);
}

TEST_CASE("what single precision would round is sampled in double precision") {
    const auto estimate = [](double acceptable) {
        joint::Part part;
        part.left = part.right = {0};
        Integrand& integrand = part.integrand;
        integrand.left_gaussians = integrand.right_gaussians = 1;
        joint::Tape& tape = integrand.tape;
        const auto far = tape.apply(Function::add, tape.number(1e5), tape.apply(Function::tanh, tape.gaussian(0)));
        integrand.left = tape.apply(Function::sub, far, tape.number(1e5));
        integrand.right = tape.gaussian(1);
        const joint::Shared shared = joint::share({{&part, {0}, {0}, {}}});
        joint::Sampling sampling{8, 1};
        sampling.acceptable = acceptable;
        const Eigen::MatrixXd covariance{{1.0, 0.5}, {0.5, 1.0}};
        return joint::estimate(shared, Eigen::Vector2d::Zero(), covariance, {}, {}, sampling).values.at(0);
    };
    CHECK(estimate(1e-3) == estimate(0));
}

TEST_CASE("functions of rows are those of single numbers") {
    std::vector<double> x;
    for (double magnitude = 1e-9; magnitude < 1e4; magnitude *= 1.17)
        for (const double sign : {-1.0, 1.0})
            x.push_back(sign * magnitude);
    for (const double special : {0.0, 0.46875, 4.0, 6.0, 800.0, -800.0, 1e300, -1e300, HUGE_VAL, -HUGE_VAL, std::nan("")})
        x.push_back(special);
    x.resize((x.size() + joint::row_step - 1) / joint::row_step * joint::row_step, 1.0);
    std::vector<double> row(x.size());
    std::vector<float> narrow(x.begin(), x.end()), narrow_row(x.size());
    for (const Function function :
         {Function::neg, Function::relu, Function::abs, Function::sign, Function::step, Function::erf, Function::tanh,
          Function::sigmoid, Function::silu, Function::exp, Function::sqrt, Function::square, Function::cos}) {
        joint::elementwise(function, x.data(), x.data(), row.data(), x.size());
        joint::elementwise(function, narrow.data(), narrow.data(), narrow_row.data(), x.size());
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double expected = ir::evaluate(function, x[i]);
            INFO(ir::name_of(function) << " at " << x[i]);
            if (std::isfinite(expected) && expected != 0)
                CHECK(row[i] == Approx(expected).epsilon(1e-14).margin(1e-300));
            else
                CHECK((row[i] == expected || (std::isnan(row[i]) && std::isnan(expected))));
            const double rounded = ir::evaluate(function, static_cast<double>(narrow[i]));
            if (const double magnitude = std::abs(rounded); magnitude > 1e-37 && magnitude < 1e38)
                CHECK(narrow_row[i] == Approx(rounded).epsilon(2e-6));
            else
                CHECK(std::isnan(narrow_row[i]) == std::isnan(static_cast<float>(rounded)));
        }
    }
}

TEST_CASE("what parts products of two samples is what their means leave, at the same points") {
    joint::Twins twins;
    joint::Tape& t = twins.tape;
    const auto product = [&](std::uint32_t sample) {
        return t.apply(Function::mul, t.apply(Function::relu, t.gaussian(2 * sample)), t.gaussian(2 * sample + 1));
    };
    const auto sum = [&](std::uint32_t sample) {
        return t.apply(Function::add, t.apply(Function::tanh, t.gaussian(2 * sample + 1)), t.gaussian(2 * sample));
    };
    twins.left_first = product(0);
    twins.left_second = sum(0);
    twins.right_first = product(1);
    twins.right_second = sum(1);
    const Eigen::VectorXd mean = Eigen::VectorXd::Constant(4, 0.3);
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Identity(4, 4);
    for (Eigen::Index k = 0; k < 2; ++k)
        covariance(k, k + 2) = covariance(k + 2, k) = 0.8;
    CHECK_FALSE(joint::nearly_coincide(mean, covariance));
    const joint::Sampling sampling{10, 3};
    const auto expectation = [&](joint::NodeId left, joint::NodeId right) {
        joint::Integrand integrand;
        integrand.tape = t;
        integrand.left_gaussians = 4;
        integrand.left = left;
        integrand.right = right;
        joint::finish(integrand, false);
        return joint::estimate(integrand, mean, covariance, {}, sampling, false).value;
    };
    const double of_left = expectation(twins.left_first, twins.left_second);
    const double of_right = expectation(twins.right_first, twins.right_second);
    CHECK(joint::apart(twins, mean, covariance, {}, sampling) ==
          Approx(expectation(twins.left_first, twins.right_second) - (of_left + of_right) / 2).epsilon(1e-12));
    for (Eigen::Index k = 0; k < 2; ++k)
        covariance(k, k + 2) = covariance(k + 2, k) = 0.98;
    CHECK(joint::nearly_coincide(mean, covariance));
}
