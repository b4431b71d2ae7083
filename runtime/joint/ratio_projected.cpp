// Functions with kinks: the projected polynomials and their degree.
#include "runtime/joint/ratio.hpp"
#include "runtime/joint/ratio_same.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tpc::joint {
namespace {

// Of projections: below, a step may see nothing; above, rounding of powers is seen.
constexpr std::size_t least_degree = 8, most_degree = 36, most_degree_of_one_sample = 48, degree_step = 4;
constexpr double precise = 1e-4, precise_of_one_sample = 1e-6; // of the tolerance: powers of a polynomial cancel
// What misses the tolerance is given up to an error of `worst`, as sampling does no better. Errors add up over layers, for
// which a tolerance has room; here as much is added to the error.
constexpr double worst = 1e-2, room = 4;

// w'Q^+ v over both ranges.
double correlation(const Ratio& t, const Ratio& u) {
    const Eigen::MatrixXd inverse = t.quadratic.completeOrthogonalDecomposition().pseudoInverse();
    return t.form.dot(inverse * u.form) / (t.range * u.range);
}

// What all further steps may add after one of `difference` that followed one of `last`: differences fall as a power of the
// degree, which is at least the second, of two steps that jump at the same place.
double rest(double difference, double last, std::size_t degree) {
    const auto n = static_cast<double>(degree);
    const auto step = static_cast<double>(degree_step);
    const double power = difference > 0 ? std::log(last / difference) / std::log(n / (n - step)) : 2;
    return difference * n / (step * (std::max(power, 2.0) - 1));
}

} // namespace

std::optional<Ratios::Polynomials> Ratios::projections(std::size_t degree) const {
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = projected_.try_emplace(degree);
    if (!fresh)
        return place->second;
    const auto one = [&](const Side& side) -> std::optional<Projection> {
        if (!side.ratio)
            return Projection{{side.number}, side.number * side.number, std::abs(side.number)};
        return project(*side.function->value, side.kinks, side.ratio->range, side.dimension, degree);
    };
    auto left = one(left_);
    auto right = one(right_);
    if (left && right)
        place->second =
            Polynomials{std::move(left->powers), std::move(right->powers), std::max(left->magnitude, right->magnitude)};
    return place->second;
}

// In an order of their own: what is found must not depend on which of them is left, or equal samples would come to differ.
std::pair<const Ratios::Side&, const Ratios::Side&> Ratios::ordered() const {
    const Eigen::VectorXd& w = left_.ratio->form;
    const Eigen::VectorXd& v = right_.ratio->form;
    if (std::ranges::lexicographical_compare(v, w))
        return {right_, left_};
    return {left_, right_};
}

std::optional<RatioPolynomial> Ratios::of_one_sample(std::size_t degree) const {
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = of_one_sample_.try_emplace(degree);
    if (fresh)
        place->second = make_of_one_sample(degree);
    return place->second;
}

std::optional<RatioPolynomial> Ratios::make_of_one_sample(std::size_t degree) const {
    const auto& [first, second] = ordered();
    const Eigen::VectorXd& w = first.ratio->form;
    const Eigen::VectorXd& v = second.ratio->form;
    const double factor = v.dot(w) / w.squaredNorm();
    if ((v - factor * w).cwiseAbs().maxCoeff() > 1e-14 * v.cwiseAbs().maxCoeff()) {
        if (first.dimension < 3)
            return std::nullopt;
        const auto product = [&](const gaussian::Tape& f, const gaussian::Tape& g) {
            return project(RatioFunction{f, first.kinks, first.ratio->range},
                           RatioFunction{g, second.kinks, second.ratio->range}, correlation(*first.ratio, *second.ratio),
                           first.dimension, degree);
        };
        return RatioPolynomial{product(*first.function->value, *second.function->value),
                               product(*first.function->slope, *second.function->slope)};
    }
    // one ratio alone: its density is smooth where that of two equal ones is not
    std::vector<double> kinks = first.kinks;
    for (const double kink : second.kinks)
        kinks.push_back(kink / factor);
    const auto product = [&](const gaussian::Tape& f, const gaussian::Tape& g, double dimension) {
        const auto values = [&](std::size_t count, const double* t, double* result) {
            std::vector<double> other(count), scaled(t, t + count);
            for (double& x : scaled)
                x *= factor;
            f(count, t, result);
            g(count, scaled.data(), other.data());
            for (std::size_t k = 0; k < count; ++k)
                result[k] *= other[k];
        };
        return project(values, kinks, first.ratio->range, dimension, degree);
    };
    const auto column = [](const Projection& one) -> Eigen::MatrixXd {
        return Eigen::Map<const Eigen::MatrixXd>(one.powers.data(), static_cast<Eigen::Index>(one.powers.size()), 1);
    };
    const auto value = product(*first.function->value, *second.function->value, first.dimension);
    // derivatives of ratios vanish at both ends
    const auto slope = product(*first.function->slope, *second.function->slope, first.dimension + 2);
    if (!value || !slope)
        return std::nullopt;
    return RatioPolynomial{column(*value), column(*slope)};
}

bool Ratios::one_sample(const Eigen::MatrixXd& covariance, double tolerance) const {
    if (!left_.ratio || !right_.ratio || left_.size != right_.size || left_.ratio->offset != right_.ratio->offset ||
        !left_.ratio->quadratic.isApprox(right_.ratio->quadratic, 1e-14))
        return false;
    // where kinks are met twice, what they add is off by the root of the difference
    const Eigen::Index n = left_.size;
    const double allowed = std::pow(0.1 * tolerance, 2) * covariance.cwiseAbs().maxCoeff();
    return (covariance.topLeftCorner(n, n) - covariance.topRightCorner(n, n)).cwiseAbs().maxCoeff() <= allowed &&
           (covariance.topLeftCorner(n, n) - covariance.bottomRightCorner(n, n)).cwiseAbs().maxCoeff() <= allowed;
}

std::pair<double, double> Ratios::norms(const Eigen::MatrixXd& covariance) const {
    double norm = 1;
    double slope_norm = 1;
    Eigen::Index place = 0;
    for (const Side* side : {&left_, &right_}) {
        if (!side->ratio) {
            norm *= std::abs(side->number);
            slope_norm = 0;
            continue;
        }
        const auto square = [&](const gaussian::Tape& f) {
            const auto constant = project(f, side->kinks, side->ratio->range, side->dimension, 0);
            return constant ? constant->square : 0;
        };
        const double q =
            (side->ratio->quadratic * covariance.block(place, place, side->size, side->size)).trace() + side->ratio->offset;
        norm *= std::sqrt(square(*side->function->value));
        slope_norm *= std::sqrt(square(*side->function->slope) / q) * side->ratio->form.norm();
        place += side->size;
    }
    return {norm, slope_norm};
}

// By rising degrees, until what further ones may add is small.
std::optional<Ratios::Result> Ratios::projected(const Eigen::MatrixXd& covariance, bool wanted, double tolerance) const {
    const auto [norm, slope_norm] = norms(covariance);
    const bool same = one_sample(covariance, tolerance);
    // Of one sample always: the self part, which has no use for them, must find the same values as pairs do.
    const bool slopes = wanted || same;
    std::optional<Expectation> before;
    std::optional<Result> best;
    double last = 1;
    for (std::size_t degree = least_degree; degree <= (same ? most_degree_of_one_sample : most_degree);
         degree += degree_step) {
        std::optional<Expectation> here;
        double rounding = 0;
        if (same) {
            const auto& [first, second] = ordered();
            const auto polynomial = of_one_sample(degree);
            auto result = polynomial
                              ? same_sum(*first.ratio, *second.ratio, *polynomial,
                                         covariance.topLeftCorner(left_.size, left_.size), precise_of_one_sample * tolerance)
                              : std::nullopt;
            if (result) {
                here = std::move(result->expectation);
                if (&first == &right_)
                    here->slopes.transposeInPlace();
                rounding = result->rounding / norm;
            }
        } else if (const auto powers = projections(degree)) {
            here = sum(*powers, covariance, slopes, precise * tolerance);
            rounding = std::numeric_limits<double>::epsilon() * powers->magnitude;
        }
        if (!here)
            return std::nullopt;
        if (before) {
            double difference = std::abs(here->value - before->value) / norm;
            if (slopes && slope_norm > 0)
                difference = std::max(difference, (here->slopes - before->slopes).cwiseAbs().maxCoeff() / slope_norm);
            const double error = std::max({difference, last / 10, rest(difference, last, degree), rounding});
            if (error <= tolerance)
                return Result{std::move(*here), error};
            if (room * error <= worst && (!best || room * error < best->error))
                best = Result{*here, room * error};
            if (rounding > tolerance)
                break;
            last = difference;
        }
        before = std::move(here);
    }
    return best;
}

} // namespace tpc::joint
