// Which expectations are infinite because of a zero of a denominator: 1 / distance^p is not integrable across zeros of
// codimension p or less.
#include "runtime/points/poles.hpp"

#include "runtime/gaussian/dual.hpp"
#include "runtime/points/root.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace tpc;
using ir::Function;
using joint::NodeId;
using joint::Tape;

namespace {

struct Build { // a tape of the Gaussians x, y, z
    Tape tape;
    NodeId x = tape.gaussian(0), y = tape.gaussian(1), z = tape.gaussian(2);
    NodeId operator()(Function function, NodeId a) { return tape.apply(function, a); }
    NodeId operator()(Function function, NodeId a, NodeId b) { return tape.apply(function, a, b); }
    NodeId number(double value) { return tape.number(value); }
    NodeId norm(const std::vector<NodeId>& all) {
        NodeId sum = number(0);
        for (const NodeId one : all)
            sum = (*this)(Function::add, sum, (*this)(Function::square, one));
        return (*this)(Function::sqrt, sum);
    }
    NodeId power(NodeId base, double exponent) { return (*this)(Function::pow, base, number(exponent)); }
};

// E|f| under this law of three Gaussians.
bool exists(const std::function<NodeId(Build&)>& function, const Eigen::Vector3d& mean = Eigen::Vector3d::Zero(),
            const Eigen::Matrix3d& covariance = Eigen::Matrix3d::Identity()) {
    Build build;
    const NodeId f = function(build);
    const joint::Denominators denominators = joint::denominators(build.tape, {f}, 3);
    const NodeId one = build.number(1);
    try {
        joint::require_integrable({&build.tape, &denominators, 0}, {&build.tape, nullptr, 0}, {{{{1, f, one}}}}, mean,
                                  joint::principal_root(covariance), {});
    } catch (const gaussian::NoExpectation&) {
        return false;
    }
    return true;
}

} // namespace

TEST_CASE("a pole is integrable where the codimension of the zeros is above its order") {
    for (const double power : {0.5, 0.9, 1.0, 1.5, 1.9, 2.0, 2.5, 2.9, 3.0, 3.5}) {
        CAPTURE(power);
        const auto of_norm = [&](std::size_t codimension) {
            return [=](Build& t) {
                std::vector<NodeId> all{t.x, t.y, t.z};
                all.resize(codimension);
                return t.power(t.norm(all), -power);
            };
        };
        for (std::size_t codimension : {1, 2, 3})
            CHECK(exists(of_norm(codimension)) == (power < static_cast<double>(codimension)));
        // a sphere and a line through (1, -1), and of Gaussians of very different variances
        CHECK(exists([&](Build& t) {
                  const NodeId r = t.norm({t.x, t.y, t.z});
                  return t.power(t(Function::abs, t(Function::sub, r, t.number(1))), -power);
              }) == (power < 1));
        CHECK(exists(of_norm(2), {1, -1, 0.5}) == (power < 2));
        CHECK(exists(of_norm(3), {0.1, 0, -1}, Eigen::Vector3d(1e-3, 1, 30).asDiagonal()) == (power < 3));
    }
}

TEST_CASE("what makes up for a pole is seen, and what is nearly one is none") {
    const auto over = [](NodeId a, NodeId b, Build& t) { return t(Function::div, a, b); };
    CHECK(exists([&](Build& t) { return over(t(Function::tanh, t(Function::mul, t.x, t.y)), t.x, t); }));
    CHECK_FALSE(exists([&](Build& t) { return over(t(Function::tanh, t(Function::add, t.x, t.y)), t.x, t); }));
    // relu(r - 1/2) is 0 about the zero of r, relu(r + z) is not for z > 0
    const auto gated = [&](double shift, bool random) {
        return [=](Build& t) {
            const NodeId r = t.norm({t.x, t.y});
            const NodeId open = t(Function::relu, t(Function::add, r, random ? t.z : t.number(shift)));
            return over(open, t(Function::square, r), t);
        };
    };
    CHECK(exists(gated(-0.5, false)));
    CHECK_FALSE(exists(gated(0.5, false)));
    CHECK_FALSE(exists(gated(0, true)));
    CHECK(exists([&](Build& t) {
        const NodeId square = t(Function::square, t.x);
        return over(t.y, t(Function::add, square, t.number(1e-12)), t);
    }));
    CHECK(exists([&](Build& t) { return over(t.y, t(Function::add, t(Function::exp, t.x), t(Function::exp, t.z)), t); }));
}

TEST_CASE("what is 0 on one side is no pole of a function that does not divide by it") {
    Build t; // the derivative of sqrt(relu(x)) y divides by relu(x), which is 0 for all x < 0
    const NodeId f = t(Function::mul, t(Function::sqrt, t(Function::relu, t.x)), t.y);
    const std::vector<NodeId> gradient = t.tape.gradient(f, 3);
    const joint::Denominators denominators = joint::denominators(t.tape, gradient, 3);
    REQUIRE_FALSE(denominators.together.empty());
    const NodeId one = t.number(1);
    const auto require = [&](NodeId left, NodeId right) {
        joint::require_integrable({&t.tape, &denominators, 0}, {&t.tape, nullptr, 0}, {{{{1, left, right}}}},
                                  Eigen::Vector3d::Zero(), Eigen::Matrix3d::Identity(), {});
    };
    CHECK_NOTHROW(require(f, one));
    CHECK_NOTHROW(require(gradient[0], one));
    CHECK_THROWS_AS(require(gradient[0], gradient[0]), gaussian::NoExpectation);
    // numbers of the sample are no zeros to look for
    const NodeId scaled = t(Function::div, f, t.tape.sample(0));
    CHECK(joint::denominators(t.tape, {scaled}, 3).together.empty());
}
