#include "runtime/gaussian/coefficient_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace tpc::gaussian {
namespace {

constexpr double table_accuracy = 3e-14;

// x in [-1, 1] stands for the deviation sqrt(variance), between those of 2^e and 2^(e+1).
double variance_at(int exponent, double x) {
    const double low = std::sqrt(std::ldexp(1.0, exponent));
    const double deviation = low * (1 + (std::numbers::sqrt2 - 1) * (x + 1) / 2);
    return deviation * deviation;
}
double place_of(int exponent, double variance) {
    const double low = std::sqrt(std::ldexp(1.0, exponent));
    return 2 * (std::sqrt(variance) / low - 1) / (std::numbers::sqrt2 - 1) - 1;
}

bool close(const HermiteCoefficients& a, const HermiteCoefficients& b) {
    const auto near = [](const Eigen::VectorXd& x, const Eigen::VectorXd& y, double norm, double other) {
        return (x - y).cwiseAbs().maxCoeff() <= table_accuracy * std::sqrt(norm) &&
               std::abs(norm - other) <= 2 * table_accuracy * norm;
    };
    return near(a.values, b.values, b.value_norm, a.value_norm) && near(a.slopes, b.slopes, b.slope_norm, a.slope_norm);
}

// Place `k` of some numbers.
HermiteCoefficients coefficients_of(const Abreast* numbers, std::size_t terms, std::size_t k) {
    const auto count = static_cast<Eigen::Index>(terms);
    HermiteCoefficients result{Eigen::VectorXd(count), Eigen::VectorXd(count), numbers[2 * terms][k],
                               numbers[2 * terms + 1][k]};
    for (std::size_t row = 0; row < terms; ++row) {
        result.values(static_cast<Eigen::Index>(row)) = numbers[row][k];
        result.slopes(static_cast<Eigen::Index>(row)) = numbers[terms + row][k];
    }
    return result;
}

double number_of(const HermiteCoefficients& from, std::size_t row) {
    const auto terms = static_cast<std::size_t>(from.values.size());
    return row < terms       ? from.values(static_cast<Eigen::Index>(row))
           : row < 2 * terms ? from.slopes(static_cast<Eigen::Index>(row - terms))
           : row > 2 * terms ? from.slope_norm
                             : from.value_norm;
}

} // namespace

// Values, slopes, the two norms, as far as they are not 0.
struct CoefficientTable::Octave {
    ChebyshevRows rows;
};

std::shared_ptr<const CoefficientTable::Octave> CoefficientTable::interpolant(int exponent, Eigen::Index nodes) const {
    std::vector<HermiteCoefficients> there;
    for (Eigen::Index j = 0; j < nodes; ++j)
        there.push_back(exact_(variance_at(
            exponent, std::cos(std::numbers::pi * (static_cast<double>(j) + 0.5) / static_cast<double>(nodes)))));
    const std::size_t terms = terms_;
    auto result = std::make_shared<Octave>();
    Eigen::MatrixXd cosines(nodes, nodes);
    for (Eigen::Index k = 0; k < nodes; ++k)
        for (Eigen::Index j = 0; j < nodes; ++j)
            cosines(j, k) = (k == 0 ? 1.0 : 2.0) / static_cast<double>(nodes) *
                            std::cos(static_cast<double>(k) * std::numbers::pi * (static_cast<double>(j) + 0.5) /
                                     static_cast<double>(nodes));
    Eigen::VectorXd at_nodes(nodes);
    for (std::size_t row = 0; row < 2 * terms + 2; ++row) {
        for (Eigen::Index j = 0; j < nodes; ++j)
            at_nodes(j) = number_of(there[static_cast<std::size_t>(j)], row);
        const Eigen::VectorXd own = cosines.transpose() * at_nodes;
        const auto norm = [&](double HermiteCoefficients::*which) {
            double least = std::numeric_limits<double>::infinity();
            for (const HermiteCoefficients& c : there)
                least = std::min(least, c.*which);
            return least;
        };
        const double nothing =
            row < 2 * terms
                ? std::numeric_limits<double>::epsilon() / 2 *
                      std::sqrt(norm(row < terms ? &HermiteCoefficients::value_norm : &HermiteCoefficients::slope_norm))
                : 0;
        Eigen::Index count = nodes;
        for (double left_out = 0; count > 0; --count)
            if (left_out += std::abs(own(count - 1)); left_out > nothing)
                break;
        if (count > 0)
            result->rows.add(row, own.data(), static_cast<std::size_t>(count));
    }
    for (const double x : {-0.995, -0.31, 0.43, 0.97}) {
        std::vector<Abreast> found(2 * terms + 2);
        Abreast places;
        places.fill(x);
        chebyshev_sums(result->rows, places, found.data());
        if (!close(coefficients_of(found.data(), terms, 0), exact_(variance_at(exponent, x))))
            return nullptr;
    }
    return result;
}

std::shared_ptr<const CoefficientTable::Octave> CoefficientTable::octave(int exponent) const {
    const std::lock_guard lock(mutex_);
    const auto [found, fresh] = octaves_.try_emplace(exponent);
    for (Eigen::Index nodes = 16; fresh && !found->second && nodes <= 32; nodes += 8)
        found->second = interpolant(exponent, nodes);
    return found->second;
}

void CoefficientTable::each(const std::vector<double>& variances, const Visit& visit) const {
    std::map<int, std::vector<std::size_t>> members; // by octave
    for (std::size_t i = 0; i < variances.size(); ++i)
        members[std::ilogb(variances[i])].push_back(i);
    std::vector<Abreast> numbers(2 * terms_ + 2);
    for (const auto& [exponent, samples] : members) {
        const auto table = octave(exponent);
        std::fill(numbers.begin(), numbers.end(), Abreast{});
        for (std::size_t first = 0; first < samples.size(); first += side_by_side) {
            const std::vector<std::size_t> some(
                samples.begin() + static_cast<std::ptrdiff_t>(first),
                samples.begin() + static_cast<std::ptrdiff_t>(std::min(first + side_by_side, samples.size())));
            Abreast places{};
            for (std::size_t i = 0; i < some.size(); ++i) {
                if (table) {
                    places[i] = place_of(exponent, variances[some[i]]);
                    continue;
                }
                const HermiteCoefficients exact = exact_(variances[some[i]]);
                for (std::size_t row = 0; row < numbers.size(); ++row)
                    numbers[row][i] = number_of(exact, row);
            }
            if (table)
                chebyshev_sums(table->rows, places, numbers.data());
            visit(some, numbers.data());
        }
    }
}

HermiteCoefficients CoefficientTable::operator()(double variance) const {
    HermiteCoefficients result;
    each({variance},
         [&](const std::vector<std::size_t>&, const Abreast* numbers) { result = coefficients_of(numbers, terms_, 0); });
    return result;
}

} // namespace tpc::gaussian
