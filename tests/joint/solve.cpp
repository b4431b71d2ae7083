// Expectations split into independent factors, and series in several dimensions, against brute force.
#include "runtime/joint/solve.hpp"
#include "runtime/gaussian/gauss_hermite.hpp"
#include "runtime/points/points.hpp"
#include "runtime/points/root.hpp"
#include "runtime/series/spectral.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <random>

using namespace tpc;
using ir::Function;
using joint::Integrand;
using joint::NodeId;

namespace {

// E by the tensor rule over the root of the whole covariance, nothing of which is shared with the methods under test.
joint::Expectation brute_force(const Integrand& integrand, const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance,
                               std::size_t count) {
    const Eigen::MatrixXd root = joint::principal_root(covariance);
    const gaussian::HermiteNodes& rule = gaussian::hermite_nodes(count);
    std::vector<NodeId> outputs{integrand.left, integrand.right};
    outputs.insert(outputs.end(), integrand.left_gradient.begin(), integrand.left_gradient.end());
    outputs.insert(outputs.end(), integrand.right_gradient.begin(), integrand.right_gradient.end());
    joint::TapeRun run(integrand.tape, outputs, 1, nullptr);
    joint::Expectation result;
    result.slopes = Eigen::MatrixXd::Zero(integrand.left_gaussians, integrand.right_gaussians);
    std::vector<std::size_t> index(static_cast<std::size_t>(root.cols()), 0);
    for (bool more = true; more;) {
        double weight = 1;
        Eigen::VectorXd u(root.cols());
        for (std::size_t d = 0; d < index.size(); ++d) {
            u[static_cast<Eigen::Index>(d)] = rule.nodes[index[d]];
            weight *= rule.weights[index[d]];
        }
        const Eigen::VectorXd x = mean + root * u;
        run.evaluate(x.data(), 1, 1);
        result.value += weight * *run.row(integrand.left) * *run.row(integrand.right);
        for (std::size_t a = 0; a < integrand.left_gradient.size(); ++a)
            for (std::size_t b = 0; b < integrand.right_gradient.size(); ++b)
                result.slopes(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)) +=
                    weight * *run.row(integrand.left_gradient[a]) * *run.row(integrand.right_gradient[b]);
        more = false;
        for (std::size_t d = 0; d < index.size() && !more; ++d) {
            more = ++index[d] < count;
            index[d] = more ? index[d] : 0;
        }
    }
    return result;
}

// A smooth function of Gaussians first, first + 1.
NodeId random_function(joint::Tape& tape, std::uint32_t first, std::mt19937& random) {
    const auto any = [&](double low, double high) { return std::uniform_real_distribution<>(low, high)(random); };
    const auto x = tape.gaussian(first);
    const auto y = tape.gaussian(first + 1);
    const auto line = tape.apply(Function::add, tape.apply(Function::mul, tape.number(any(-1, 1)), x),
                                 tape.apply(Function::mul, tape.number(any(-1, 1)), y));
    constexpr Function functions[] = {Function::erf, Function::sigmoid, Function::tanh, Function::sin};
    const auto f = functions[std::uniform_int_distribution<>(0, 3)(random)];
    const auto g = functions[std::uniform_int_distribution<>(0, 3)(random)];
    const auto product = tape.apply(Function::mul, tape.apply(f, line), tape.apply(g, x));
    return tape.apply(Function::add, product, tape.apply(Function::mul, tape.number(any(-1, 1)), y));
}

Eigen::MatrixXd random_covariance(Eigen::Index size, std::mt19937& random) {
    std::normal_distribution<> normal;
    Eigen::MatrixXd root(size, size);
    for (double& entry : root.reshaped())
        entry = normal(random);
    Eigen::MatrixXd covariance = root * root.transpose();
    return covariance * (0.3 / covariance.diagonal().maxCoeff());
}

Integrand random_integrand(std::mt19937& random) {
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 2;
    integrand.left = random_function(integrand.tape, 0, random);
    integrand.right = random_function(integrand.tape, 2, random);
    return integrand;
}

} // namespace

TEST_CASE("series in several dimensions state an error that is not exceeded") {
    std::mt19937 random(7);
    for (int trial = 0; trial < 12; ++trial) {
        Integrand integrand = random_integrand(random);
        joint::finish(integrand, true);
        Eigen::MatrixXd covariance = random_covariance(4, random);
        if (trial % 4 == 0) { // both sides are one sample
            covariance.bottomRows(2) = covariance.topRows(2).eval();
            covariance.rightCols(2) = covariance.leftCols(2).eval();
        }
        const Eigen::VectorXd mean = Eigen::VectorXd::Constant(4, trial % 3 == 0 ? 0 : 0.4);
        const joint::Expectation wanted = brute_force(integrand, mean, covariance, 26);
        for (const double tolerance : {1e-2, 1e-4, 1e-6}) {
            CAPTURE(trial, tolerance);
            const auto got = joint::spectral(integrand, mean, covariance, {}, true, tolerance, 1 << 20);
            REQUIRE(got);
            CHECK(got->error <= tolerance);
            CHECK(std::abs(got->expectation.value - wanted.value) <= got->error * got->norm + 1e-8);
            CHECK((got->expectation.slopes - wanted.slopes).cwiseAbs().maxCoeff() <= got->error * got->slope_norm + 1e-8);
        }
    }
}

TEST_CASE("the rules of a series serve another law whose directions have turned") {
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 2;
    joint::Tape& t = integrand.tape;
    const auto side = [&](std::uint32_t first) { // much of one Gaussian, little of the other
        return t.apply(Function::mul, t.apply(Function::sin, t.apply(Function::mul, t.number(2), t.gaussian(first))),
                       t.apply(Function::add, t.number(1), t.apply(Function::mul, t.number(0.1), t.gaussian(first + 1))));
    };
    integrand.left = side(0);
    integrand.right = side(2);
    joint::finish(integrand, true);
    const auto law = [](double own, double other) {
        Eigen::MatrixXd covariance = Eigen::Vector4d(1, 0.9, 1, 0.9).asDiagonal();
        covariance.topRightCorner(2, 2) << 0.8 + own, other, other, 0.72;
        covariance.bottomLeftCorner(2, 2) = covariance.topRightCorner(2, 2).transpose();
        return covariance;
    };
    const Eigen::VectorXd mean = Eigen::VectorXd::Zero(4);
    const auto first = joint::spectral(integrand, mean, law(1e-6, 0), {}, true, 1e-8, 1 << 20);
    REQUIRE(first);
    REQUIRE(first->rungs[0] != first->rungs[1]);
    const Eigen::MatrixXd turned = law(0, 1e-6);
    const auto got = joint::spectral(integrand, mean, turned, {}, true, 1e-8, 1 << 20, first->rungs);
    REQUIRE(got);
    const joint::Expectation wanted = brute_force(integrand, mean, turned, 26);
    CHECK(std::abs(got->expectation.value - wanted.value) <= 1e-7 * got->norm);
    CHECK((got->expectation.slopes - wanted.slopes).cwiseAbs().maxCoeff() <= 1e-7 * got->slope_norm);
}

TEST_CASE("factors of independent Gaussians are integrated apart") {
    // (z h + (1 - z) c) on both sides, z of Gaussians 0 and 3, h of 1 and 4, c of 2 and 5
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 3;
    joint::Tape& t = integrand.tape;
    const auto side = [&](std::uint32_t first) {
        const auto gate = t.apply(Function::sigmoid, t.gaussian(first));
        const auto kept = t.apply(Function::mul, gate, t.apply(Function::relu, t.gaussian(first + 1)));
        const auto other = t.apply(Function::mul, t.apply(Function::sub, t.number(1), gate),
                                   t.apply(Function::tanh, t.gaussian(first + 2)));
        return t.apply(Function::add, kept, other);
    };
    integrand.left = side(0);
    integrand.right = side(3);
    Eigen::MatrixXd covariance = Eigen::MatrixXd::Identity(6, 6);
    for (Eigen::Index k = 0; k < 3; ++k)
        covariance(k, k + 3) = covariance(k + 3, k) = 0.5;
    const Eigen::VectorXd mean = Eigen::VectorXd::Zero(6);
    const Eigen::MatrixXd linked = covariance.topRightCorner(3, 3);

    const joint::Solver solver(integrand, true);
    std::atomic<bool> sampled = false;
    joint::Sampling sampling;
    sampling.tolerance = 1e-10;
    sampling.sampled = &sampled;
    const joint::Expectation got = solver(mean, covariance, linked, {}, sampling);
    CHECK_FALSE(sampled);
    for (const joint::PartReport& part : solver.report())
        CHECK(part.left.size() + part.right.size() <= 2);

    joint::finish(integrand, true);
    joint::Expectation wanted;
    constexpr int replicates = 8;
    wanted.slopes = Eigen::MatrixXd::Zero(3, 3);
    for (std::uint32_t r = 0; r < replicates; ++r) {
        const joint::Expectation one = joint::estimate(integrand, mean, covariance, {}, {14, r}, true);
        wanted.value += one.value / replicates;
        wanted.slopes += one.slopes / replicates;
    }
    CHECK(got.value == Approx(wanted.value).margin(1e-4));
    for (Eigen::Index k = 0; k < 3; ++k) // the others belong to pairs that are not linked
        CHECK(got.slopes(k, k) == Approx(wanted.slopes(k, k)).margin(1e-4));
}

TEST_CASE("sums with too many terms to be multiplied out still part into independent factors") {
    // s(x) (s(x1) + ... + s(xn)) (s(y1) + ... + s(yn)) on both sides, all s(x), x's and y's independent
    constexpr std::uint32_t count = 8;
    Integrand integrand;
    integrand.left_gaussians = integrand.right_gaussians = 1 + 2 * count;
    joint::Tape& t = integrand.tape;
    const auto side = [&](std::uint32_t first) {
        auto product = t.apply(Function::sigmoid, t.gaussian(first));
        for (std::uint32_t which = 0; which < 2; ++which) {
            auto sum = t.number(0);
            for (std::uint32_t k = 0; k < count; ++k)
                sum = t.apply(Function::add, sum, t.apply(Function::sigmoid, t.gaussian(first + 1 + which * count + k)));
            product = t.apply(Function::mul, product, sum);
        }
        return product;
    };
    integrand.left = side(0);
    integrand.right = side(integrand.left_gaussians);
    std::vector<std::uint32_t> blocks; // each Gaussian is covariant with its own on the other side
    for (int half = 0; half < 2; ++half)
        for (std::uint32_t k = 0; k < integrand.left_gaussians; ++k)
            blocks.push_back(k);
    const joint::Split split = joint::split(integrand, blocks, false);
    REQUIRE(split.terms.size() == 1);
    CHECK(split.parts.size() == 3);
    CHECK(split.parts.size() == joint::split(integrand, blocks, false, joint::Depth::factors).parts.size());
}

TEST_CASE("the derivative by a covariance is the expectation of the slopes (Price)") {
    std::mt19937 random(11);
    for (int trial = 0; trial < 4; ++trial) {
        const Integrand integrand = random_integrand(random);
        const Eigen::MatrixXd covariance = random_covariance(4, random) + 0.1 * Eigen::MatrixXd::Identity(4, 4);
        const Eigen::VectorXd mean = Eigen::VectorXd::Constant(4, 0.2);
        const joint::Solver solver(integrand, true);
        joint::Sampling sampling;
        sampling.tolerance = 1e-12;
        const Eigen::MatrixXd linked = Eigen::MatrixXd::Ones(2, 2);
        const joint::Expectation here = solver(mean, covariance, linked, {}, sampling);
        constexpr double step = 1e-4;
        for (Eigen::Index a = 0; a < 2; ++a)
            for (Eigen::Index b = 0; b < 2; ++b) {
                const auto moved = [&](double by) {
                    Eigen::MatrixXd c = covariance;
                    c(a, 2 + b) += by;
                    c(2 + b, a) += by;
                    return solver(mean, c, linked, {}, sampling).value;
                };
                CHECK((moved(step) - moved(-step)) / (2 * step) == Approx(here.slopes(a, b)).margin(1e-6));
            }
    }
}

TEST_CASE("replicates share what is not sampled, and the way of one law is taken for its neighbours") {
    std::mt19937 random(13);
    const Integrand integrand = random_integrand(random);
    const Eigen::MatrixXd covariance = random_covariance(4, random) + 0.1 * Eigen::MatrixXd::Identity(4, 4);
    const Eigen::MatrixXd linked = Eigen::MatrixXd::Ones(2, 2);
    const Eigen::VectorXd mean = Eigen::VectorXd::Zero(4);
    const joint::Solver solver(integrand, true);
    std::size_t budget = 1 << 20;
    std::atomic<double> error = 0;
    joint::Sampling sampling;
    sampling.error = &error;
    sampling.budget = &budget;
    const auto points = [&] {
        std::size_t sum = 0;
        for (const joint::PartReport& part : solver.report())
            for (const auto& [method, use] : part.methods)
                sum += use.points;
        return sum;
    };
    const joint::Expectation first = solver(mean, covariance, linked, {}, sampling);
    const std::size_t first_points = points();
    CHECK(first_points > 0);
    const double first_error = error.exchange(0);
    const joint::Expectation again = solver(mean, covariance, linked, {}, sampling);
    CHECK(points() == 0);
    CHECK(again.value == first.value);
    CHECK(again.slopes == first.slopes);
    CHECK(error == first_error);
    const joint::Expectation near = solver(mean, covariance * 1.001, linked, {}, sampling);
    const std::size_t near_points = points();
    CHECK(near_points > 0);
    CHECK(near_points < first_points / 2);
    sampling.budget = nullptr;
    CHECK(near.value == Approx(solver(mean, covariance * 1.001, linked, {}, sampling).value).epsilon(1e-7));
    CHECK(near.value != first.value);
}
