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

constexpr std::size_t side_by_side = 8; // samples
using Abreast = std::array<double, side_by_side>;

} // namespace

// Chebyshev coefficients of each number in a row of its own: values, slopes, the two norms.
struct CoefficientTable::Octave {
    std::size_t nodes = 0;
    std::vector<double> coefficients;
    struct Row {
        std::size_t row, count; // Chebyshev coefficients that matter beside the norm
    };
    std::vector<Row> rows;                                 // that are not 0
    void at(const Abreast& places, Abreast* result) const; // writes these
};

void CoefficientTable::Octave::at(const Abreast& places, Abreast* result) const {
    std::vector<Abreast> polynomials(nodes);
    for (std::size_t c = 0; c < nodes; ++c)
        for (std::size_t i = 0; i < side_by_side; ++i)
            polynomials[c][i] = c == 0   ? 1
                                : c == 1 ? places[i]
                                         : 2 * places[i] * polynomials[c - 1][i] - polynomials[c - 2][i];
    for (const auto& [row, count] : rows) {
        const double* const own = coefficients.data() + row * nodes;
        Abreast sum{};
        for (std::size_t c = 0; c < count; ++c)
            for (std::size_t i = 0; i < side_by_side; ++i)
                sum[i] += own[c] * polynomials[c][i];
        result[row] = sum;
    }
}

HermiteCoefficients HermiteRows::at(std::size_t sample) const {
    const auto count = static_cast<Eigen::Index>(terms);
    HermiteCoefficients result{Eigen::VectorXd(count), Eigen::VectorXd(count), value_norm[sample], slope_norm[sample]};
    for (std::size_t k = 0; k < terms; ++k) {
        result.values(static_cast<Eigen::Index>(k)) = values[k * samples + sample];
        result.slopes(static_cast<Eigen::Index>(k)) = slopes[k * samples + sample];
    }
    return result;
}

void HermiteRows::set(std::size_t sample, const HermiteCoefficients& coefficients) {
    for (std::size_t k = 0; k < terms; ++k) {
        values[k * samples + sample] = coefficients.values(static_cast<Eigen::Index>(k));
        slopes[k * samples + sample] = coefficients.slopes(static_cast<Eigen::Index>(k));
    }
    value_norm[sample] = coefficients.value_norm;
    slope_norm[sample] = coefficients.slope_norm;
}

std::shared_ptr<const CoefficientTable::Octave> CoefficientTable::interpolant(int exponent, Eigen::Index nodes) const {
    std::vector<HermiteCoefficients> there;
    for (Eigen::Index j = 0; j < nodes; ++j)
        there.push_back(exact_(variance_at(
            exponent, std::cos(std::numbers::pi * (static_cast<double>(j) + 0.5) / static_cast<double>(nodes)))));
    const std::size_t terms = terms_;
    auto result = std::make_shared<Octave>(Octave{static_cast<std::size_t>(nodes), {}, {}});
    const auto number = [&](const HermiteCoefficients& from, std::size_t row) {
        return row < terms       ? from.values(static_cast<Eigen::Index>(row))
               : row < 2 * terms ? from.slopes(static_cast<Eigen::Index>(row - terms))
               : row > 2 * terms ? from.slope_norm
                                 : from.value_norm;
    };
    Eigen::MatrixXd cosines(nodes, nodes);
    for (Eigen::Index k = 0; k < nodes; ++k)
        for (Eigen::Index j = 0; j < nodes; ++j)
            cosines(j, k) = (k == 0 ? 1.0 : 2.0) / static_cast<double>(nodes) *
                            std::cos(static_cast<double>(k) * std::numbers::pi * (static_cast<double>(j) + 0.5) /
                                     static_cast<double>(nodes));
    Eigen::VectorXd at_nodes(nodes);
    for (std::size_t row = 0; row < 2 * terms + 2; ++row) {
        for (Eigen::Index j = 0; j < nodes; ++j)
            at_nodes(j) = number(there[static_cast<std::size_t>(j)], row);
        const Eigen::VectorXd own = cosines.transpose() * at_nodes;
        result->coefficients.insert(result->coefficients.end(), own.begin(), own.end());
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
            result->rows.push_back({row, static_cast<std::size_t>(count)});
    }
    for (const double x : {-0.995, -0.31, 0.43, 0.97}) {
        std::vector<Abreast> found(2 * terms + 2);
        result->at({x, x, x, x, x, x, x, x}, found.data());
        HermiteCoefficients at_x = there.front();
        for (std::size_t k = 0; k < terms; ++k) {
            at_x.values(static_cast<Eigen::Index>(k)) = found[k][0];
            at_x.slopes(static_cast<Eigen::Index>(k)) = found[terms + k][0];
        }
        at_x.value_norm = found[2 * terms][0];
        at_x.slope_norm = found[2 * terms + 1][0];
        if (!close(at_x, exact_(variance_at(exponent, x))))
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

HermiteRows CoefficientTable::operator()(const std::vector<double>& variances) const {
    HermiteRows result(terms_, variances.size());
    std::map<int, std::vector<std::size_t>> members; // by octave
    for (std::size_t i = 0; i < variances.size(); ++i)
        members[std::ilogb(variances[i])].push_back(i);
    std::vector<Abreast> found(2 * terms_ + 2);
    for (const auto& [exponent, samples] : members) {
        const auto table = octave(exponent);
        if (!table) {
            for (const std::size_t i : samples)
                result.set(i, exact_(variances[i]));
            continue;
        }
        std::fill(found.begin(), found.end(), Abreast{});
        for (std::size_t first = 0; first < samples.size(); first += side_by_side) {
            const std::size_t some = std::min(side_by_side, samples.size() - first);
            Abreast places{};
            for (std::size_t i = 0; i < some; ++i)
                places[i] = place_of(exponent, variances[samples[first + i]]);
            table->at(places, found.data());
            const auto put = [&](std::vector<double>& to, std::size_t row, std::size_t from) {
                for (std::size_t i = 0; i < some; ++i)
                    to[row * result.samples + samples[first + i]] = found[from][i];
            };
            for (std::size_t k = 0; k < terms_; ++k) {
                put(result.values, k, k);
                put(result.slopes, k, terms_ + k);
            }
            put(result.value_norm, 0, 2 * terms_);
            put(result.slope_norm, 0, 2 * terms_ + 1);
        }
    }
    return result;
}

HermiteCoefficients CoefficientTable::operator()(double variance) const {
    return (*this)(std::vector<double>{variance}).at(0);
}

} // namespace tpc::gaussian
