// Functions with kinks: the projected polynomials and their degree.
#include "runtime/points/root.hpp"
#include "runtime/ratios/ratio.hpp"
#include "runtime/ratios/ratio_density.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tpc::joint {
namespace {

// Of projections: below, a step may see nothing; above, rounding of powers is seen.
constexpr std::size_t least_degree = 8, most_degree = 36, degree_step = 4;
constexpr double precise = 1e-4; // of the tolerance: powers of a polynomial cancel
// What misses the tolerance is given up to an error of `worst`, as sampling does no better. Errors add up over layers, for
// which a tolerance has room; here as much is added to the error.
constexpr double worst = 1e-2, room = 4;

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

// The density of two is found where both are not nearly functions of one another: transforms fall along both contours, and
// c is small, beside which they turn.
bool Ratios::has_density(const Eigen::MatrixXd& covariance) const {
    constexpr double closest = 0.99, largest_offset = 1e-3; // of squared canonical correlations; of q
    const auto inverse = [](const Eigen::MatrixXd& block) { return inverse_of_root(principal_root(block)); };
    const Eigen::Index n = left_.size, m = right_.size;
    const Eigen::MatrixXd between = inverse(covariance.topLeftCorner(n, n)) * covariance.topRightCorner(n, m) *
                                    inverse(covariance.bottomRightCorner(m, m)).transpose();
    if (between.size() == 0)
        return false;
    const double correlation = between.jacobiSvd().singularValues()[0];
    const auto small = [&](const Ratio& ratio, const Eigen::MatrixXd& own) {
        return ratio.offset <= largest_offset * (ratio.quadratic * own).trace();
    };
    return correlation * correlation <= closest && small(*left_.ratio, covariance.topLeftCorner(n, n)) &&
           small(*right_.ratio, covariance.bottomRightCorner(m, m));
}

bool Ratios::square_diverges(const Eigen::MatrixXd& covariance) const {
    const Eigen::MatrixXd root = principal_root(covariance.topLeftCorner(left_.size, left_.size));
    return left_.ratio->offset == 0 && rank(root.transpose() * left_.ratio->quadratic * root) < 3;
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

namespace {

double distance(const Expectation& a, const Expectation& b, double norm, double slope_norm) {
    const double slopes = slope_norm > 0 ? largest_entry(a.slopes - b.slopes) / slope_norm : 0;
    return std::max(std::abs(a.value - b.value) / norm, slopes);
}

// By finer resolutions, until the last one changed nothing.
template <class Compute>
std::optional<std::pair<Expectation, double>> refined(llvm::ArrayRef<Resolution> resolutions, double norm, double slope_norm,
                                                      double tolerance, const Compute& compute) {
    std::optional<std::pair<Expectation, double>> result;
    double last = 0; // of the differences
    for (const Resolution& resolution : resolutions) {
        Expectation here = compute(resolution);
        if (!std::isfinite(here.value) || !here.slopes.allFinite())
            break;
        double error = std::numeric_limits<double>::infinity();
        if (result) {
            const double difference = distance(here, result->first, norm, slope_norm);
            error =
                difference * std::min(1.0, last > 0 ? 2 * difference / last : 1.0); // it converges geometrically at least
            last = difference;
        }
        result = {std::move(here), error};
        if (error <= tolerance)
            break;
    }
    return result;
}

} // namespace

std::optional<Ratios::Result> Ratios::by_density(const Eigen::MatrixXd& covariance, bool slopes, double tolerance) const {
    static constexpr Resolution of_one[] = {{0.9, 9, 10}, {0.65, 13, 14}, {0.5, 17, 18}, {0.36, 23, 26}, {0.26, 30, 34}};
    static constexpr Resolution of_two[] = {{1, 5, 10}, {0.75, 6, 14}, {0.55, 8, 18}};
    const auto [norm, slope_norm] = norms(covariance);
    const auto side = [](const Side& one) { return RatioSide{*one.ratio, *one.function, one.kinks}; };
    std::optional<std::pair<Expectation, double>> found;
    if (!left_.ratio || !right_.ratio) {
        const Side& one = left_.ratio ? left_ : right_;
        found = refined(of_one, norm, 0, tolerance, [&](const Resolution& resolution) {
            Expectation result;
            result.value = (left_.ratio ? right_ : left_).number * density_alone(side(one), covariance, resolution);
            result.slopes = Eigen::MatrixXd::Zero(slopes ? left_.size : 0, slopes ? right_.size : 0);
            return result;
        });
    } else if (one_sample(covariance, tolerance)) {
        const Eigen::MatrixXd own = covariance.topLeftCorner(left_.size, left_.size);
        // In an order of their own: what is found must not depend on which of them is left, or equal samples come to differ.
        const Eigen::VectorXd &w = left_.ratio->form, &v = right_.ratio->form;
        const bool turned = std::ranges::lexicographical_compare(v, w);
        found = refined(of_one, norm, slope_norm, tolerance, [&](const Resolution& resolution) {
            return density_of_one(side(turned ? right_ : left_), side(turned ? left_ : right_), own, slopes, resolution);
        });
        if (found && turned)
            found->first.slopes.transposeInPlace();
    } else {
        found = refined(of_two, norm, slope_norm, tolerance, [&](const Resolution& resolution) {
            return density_of_two(side(left_), side(right_), covariance, slopes, resolution);
        });
    }
    return found ? std::optional(Result{std::move(found->first), found->second}) : std::nullopt;
}

// By rising degrees, until what further ones may add is small.
std::optional<Ratios::Result> Ratios::projected(const Eigen::MatrixXd& covariance, bool slopes, double tolerance) const {
    const auto [norm, slope_norm] = norms(covariance);
    std::optional<Expectation> before;
    std::optional<Result> best;
    double last = 1;
    for (std::size_t degree = least_degree; degree <= most_degree; degree += degree_step) {
        const auto powers = projections(degree);
        auto here = powers ? sum(*powers, covariance, slopes, precise * tolerance) : std::nullopt;
        if (!here)
            break;
        const double rounding = std::numeric_limits<double>::epsilon() * powers->magnitude;
        if (before) {
            double difference = std::abs(here->value - before->value) / norm;
            if (slopes && slope_norm > 0)
                difference = std::max(difference, (here->slopes - before->slopes).cwiseAbs().maxCoeff() / slope_norm);
            const double error = std::max({difference, last / 10, rest(difference, last, degree), rounding});
            if (error <= tolerance)
                return Result{std::move(*here), error};
            if (!best || room * error < best->error)
                best = Result{*here, room * error};
            if (rounding > tolerance)
                break;
            last = difference;
        }
        before = std::move(here);
    }
    return best;
}

std::optional<Ratios::Result> Ratios::with_kinks(const Eigen::MatrixXd& covariance, bool wanted, double tolerance) const {
    // Of one sample always with slopes: the self part, which has no use for them, must find the same values as pairs do.
    const bool alone = !left_.ratio || !right_.ratio;
    const bool one = !alone && one_sample(covariance, tolerance);
    const bool slopes = wanted || (one && !square_diverges(covariance));
    if (alone || one) {
        auto density = by_density(covariance, slopes, tolerance);
        return density && density->error <= std::max(worst, tolerance) ? density : std::nullopt;
    }
    auto best = projected(covariance, slopes, tolerance);
    if (best && best->error <= tolerance)
        return best;
    auto density = has_density(covariance) ? by_density(covariance, slopes, tolerance) : std::nullopt;
    if (density && density->error > tolerance)
        density->error *= room;
    if (best && density) { // what two methods agree on that have nothing in common
        const auto [norm, slope_norm] = norms(covariance);
        const double error = room * distance(best->expectation, density->expectation, norm, slope_norm);
        best->error = std::min(best->error, error);
        density->error = std::min(density->error, error);
    }
    if (density && (!best || density->error <= best->error))
        best = std::move(density);
    return best && best->error <= std::max(worst, tolerance) ? best : std::nullopt;
}

} // namespace tpc::joint
