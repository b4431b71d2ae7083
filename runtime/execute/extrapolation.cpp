#include "runtime/execute/extrapolation.hpp"

#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tpc::execute {
namespace {
// Where lengths count (biases), K begins to change at x, not at a multiple that is almost x.
constexpr double lengthened = 0.05;

} // namespace

Line line_through(const SampleSet& left, std::size_t i, const SampleSet& right, std::size_t j) {
    Line line;
    for (std::size_t k = 0; k < left.inputs.size(); ++k) {
        const auto [x, size] = vector_of(left, k, i);
        const double* const y = vector_of(right, k, j).data;
        const double xx = std::inner_product(x, x + size, x, 0.0), yy = std::inner_product(y, y + size, y, 0.0);
        const double sign = std::inner_product(x, x + size, y, 0.0) < 0 ? -1 : 1;
        const double ratio = xx == yy ? 1 : std::sqrt(yy / xx);
        const double c = std::abs(ratio - 1) < lengthened ? sign : sign * ratio;
        std::vector<double>& origin = line.origin.emplace_back();
        std::vector<double>& apart = line.direction.emplace_back();
        double square = 0;
        for (std::size_t n = 0; n < size; ++n) {
            origin.push_back(c * x[n]);
            apart.push_back(y[n] - origin[n]);
            square += apart[n] * apart[n];
        }
        line.distance = std::max(line.distance, yy > 0 ? std::sqrt(square / yy) : 0);
    }
    for (std::size_t k = 0; k < line.direction.size(); ++k)
        for (std::size_t n = 0; n < line.direction[k].size(); ++n)
            line.direction[k][n] =
                line.distance > 0 ? line.direction[k][n] / line.distance : (n % 2 == 0 ? 1 : -1) * line.origin[k][n];
    return line;
}

SampleSet points_on(const Line& line, const std::array<double, Fit::nodes>& distances) {
    SampleSet result;
    result.samples = Fit::nodes;
    for (std::size_t k = 0; k < line.origin.size(); ++k) {
        std::vector<double>& values = result.inputs.emplace_back().values;
        for (const double t : distances)
            for (std::size_t n = 0; n < line.origin[k].size(); ++n)
                values.push_back(line.origin[k][n] + t * line.direction[k][n]);
    }
    return result;
}

Fit::Fit(double far, double place) : far_(far) {
    Eigen::Matrix<double, nodes, terms> powers;
    Eigen::Matrix<double, terms, 1> there;
    for (int k = 0; k < static_cast<int>(nodes); ++k) {
        roots_[k] = std::pow((k + 1.0) / nodes, 2); // more of them next to 0
        distances[static_cast<std::size_t>(k)] = far * roots_[k];
        for (int m = 0; m < terms; ++m)
            powers(k, m) = std::pow(roots_[k], m + 1);
    }
    for (int m = 0; m < terms; ++m)
        there[m] = std::pow(place / far, m);
    const Eigen::Matrix<double, terms, nodes> inverse = powers.completeOrthogonalDecomposition().pseudoInverse();
    weights_ = inverse.transpose() * there;
    rest_ = Eigen::Matrix<double, nodes, nodes>::Identity() - powers * inverse;
}

Fit::Estimate Fit::operator()(const std::array<double, nodes>& values) const {
    const Column scaled = Eigen::Map<const Column>(values.data()).cwiseProduct(roots_);
    const double spread = (rest_ * scaled).norm() / std::sqrt(nodes - terms);
    return {weights_.dot(scaled), spread * weights_.norm(), spread * far_};
}

void Extrapolation::add(const Fit::Estimate& next, double distance, double before, double largest) {
    constexpr double agreement = 1e-10, steepest = 1e-14; // c of rounding errors, also behind fifty layers
    constexpr double least = 1e-8;                        // distance at which gaps have digits
    const double error = std::min(next.rate, steepest * largest) / std::max(distance, least);
    if (last && !value && std::abs(next.value - last->value) < std::min(agreement * largest, error / 3)) {
        const double best = next.error < last->error ? next.value : last->value;
        if (std::abs(best - before) < 30 * error)
            value = best;
    }
    last = next;
}

} // namespace tpc::execute
