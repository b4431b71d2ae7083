#include "runtime/gaussian/gauss_hermite.hpp"

#include <Eigen/Eigenvalues>

#include <array>
#include <cmath>
#include <mutex>
#include <stdexcept>

namespace tpc::gaussian {
namespace {

// Golub and Welsch's start, then Newton's method on the normalised polynomials he_k; the weight is 1 / sum he_k(z)^2.
HermiteNodes make(std::size_t count) {
    const auto n = static_cast<Eigen::Index>(count);
    const Eigen::VectorXd diagonal = Eigen::VectorXd::Zero(n);
    Eigen::VectorXd beside(n - 1);
    for (Eigen::Index k = 0; k + 1 < n; ++k)
        beside[k] = std::sqrt(static_cast<double>(k + 1));
    Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
    solver.computeFromTridiagonal(diagonal, beside, Eigen::EigenvaluesOnly);
    HermiteNodes rule;
    for (Eigen::Index k = 0; k < n; ++k) {
        double z = (solver.eigenvalues()[k] - solver.eigenvalues()[n - 1 - k]) / 2; // symmetric
        double squares = 0;
        for (int round = 0; round < 3; ++round) {
            double before = 0;
            double here = 1;
            squares = 0;
            for (std::size_t j = 0; j < count; ++j) {
                squares += here * here;
                const auto order = static_cast<double>(j);
                const double next = (z * here - std::sqrt(order) * before) / std::sqrt(order + 1);
                before = here;
                here = next;
            }
            z -= here / (std::sqrt(static_cast<double>(count)) * before); // he_n' = sqrt(n) he_{n-1}
        }
        rule.nodes.push_back(z);
        rule.weights.push_back(1 / squares);
    }
    return rule;
}

} // namespace

const HermiteNodes& hermite_nodes(std::size_t count) {
    constexpr std::size_t most = 128;
    if (count == 0 || count > most)
        throw std::invalid_argument("no such rule");
    static std::array<HermiteNodes, most + 1> rules;
    static std::array<std::once_flag, most + 1> made;
    std::call_once(made[count], [&] { rules[count] = make(count); });
    return rules[count];
}

} // namespace tpc::gaussian
