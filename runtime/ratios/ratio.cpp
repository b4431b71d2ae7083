#include "runtime/ratios/ratio.hpp"

#include "runtime/gaussian/kinks.hpp"
#include "runtime/ratios/quotient.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

// E[sum p_k s^(k/2) / Gamma(k/2) a^k he_m(a / sqrt(A))] times h exp(-s c), by m, for the node s of a rule; the constant
// alone for s = 0. s A stays below half the square of the ratio's range; s^(k/2) and A^(k/2) alone may not be numbers.
class Hermite {
  public:
    Hermite(const std::vector<double>& powers, double offset)
        : powers_(powers), offset_(offset), moments_(powers.size() * powers.size(), 0) {
        for (std::size_t k = 1; k < powers.size(); ++k)
            for (std::size_t m = k % 2; m <= k; m += 2) { // E[u^k he_m] = k! / (((k-m)/2)! 2^((k-m)/2) sqrt(m!))
                const auto j = static_cast<double>((k - m) / 2), order = static_cast<double>(k);
                moments_[k * powers.size() + m] =
                    powers[k] * std::exp(std::lgamma(order + 1) - std::lgamma(j + 1) - j * std::numbers::ln2 -
                                         std::lgamma(static_cast<double>(m) + 1) / 2 - std::lgamma(order / 2));
            }
    }
    void operator()(const LaplaceRule& rule, std::size_t node, double A, std::vector<double>& result) const {
        const std::size_t n = powers_.size();
        result.assign(n + 2, 0);
        const double s = rule.nodes[node];
        if (s == 0) {
            result[0] = powers_[0];
            return;
        }
        const double step = std::sqrt(s * A);
        double root = rule.widths[node] * std::exp(-s * offset_) * step;
        for (std::size_t k = 1; k < n; ++k, root *= step) {
            if (powers_[k] == 0)
                continue;
            for (std::size_t m = k % 2; m <= k; m += 2)
                result[m] += moments_[k * n + m] * root;
        }
    }

  private:
    const std::vector<double>& powers_;
    double offset_;
    std::vector<double> moments_; // [k][m]
};

Norm norm_of(const std::optional<Ratio>& ratio, const std::vector<double>& powers, bool slopes) {
    if (!ratio)
        return {};
    double least = 1;
    while (static_cast<std::size_t>(least) < powers.size() && powers[static_cast<std::size_t>(least)] == 0)
        ++least;
    return {ratio->quadratic, ratio->offset, least, slopes ? 1.0 : 0.0, powers[0] != 0};
}

} // namespace

Eigen::Index rank(const Eigen::MatrixXd& quadratic) {
    const Eigen::VectorXd values =
        Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(quadratic, Eigen::EigenvaluesOnly).eigenvalues();
    return (values.array() > 1e-12 * values[values.size() - 1]).count();
}

std::unique_ptr<Ratios> Ratios::make(const Integrand& integrand) {
    auto result = std::make_unique<Ratios>();
    const auto side = [&](NodeId id, std::uint32_t first, std::uint32_t count, Side& place) {
        const TapeNode& node = integrand.tape.nodes()[id];
        place.size = count;
        if (node.kind == TapeNode::Kind::number) {
            place.number = node.number;
            return true;
        }
        place.ratio = ratio(integrand.tape, id, first, count, result->table_);
        if (!place.ratio)
            return false;
        place.function = gaussian::analyse({&result->table_, place.ratio->function}, nullptr);
        if (!place.function || !place.function->jumps.empty())
            return false;
        place.kinks = gaussian::find_kinks(*place.function, -place.ratio->range, place.ratio->range).sharp;
        place.dimension = static_cast<double>(std::max<Eigen::Index>(2, rank(place.ratio->quadratic)));
        return true;
    };
    if (!side(integrand.left, 0, integrand.left_gaussians, result->left_) ||
        !side(integrand.right, integrand.left_gaussians, integrand.right_gaussians, result->right_) ||
        (!result->left_.ratio && !result->right_.ratio))
        return nullptr;
    return result;
}

bool Ratios::smooth() const {
    return left_.kinks.empty() && right_.kinks.empty();
}

std::optional<Ratios::Polynomials> Ratios::polynomials(double tolerance) const {
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = interpolated_.try_emplace(tolerance);
    if (!fresh)
        return place->second;
    const auto one = [&](const Side& side) -> std::optional<std::vector<double>> {
        if (!side.ratio)
            return std::vector<double>{side.number};
        return interpolate(*side.function->value, side.ratio->range, tolerance);
    };
    auto left = one(left_);
    auto right = one(right_);
    if (left && right)
        place->second = Polynomials{std::move(*left), std::move(*right)};
    return place->second;
}

bool Ratios::smooth_beside_zero() const {
    const auto beside = [](const Side& side) {
        return std::ranges::all_of(side.kinks, [&](double kink) { return std::abs(kink) <= 1e-14 * side.ratio->range; });
    };
    return beside(left_) && beside(right_);
}

std::optional<std::pair<Halves, Halves>> Ratios::halves_of_sides(double tolerance) const {
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = halved_.try_emplace(tolerance);
    if (!fresh)
        return place->second;
    const auto one = [&](const Side& side) {
        return side.ratio ? halves(*side.function, side.ratio->range, tolerance) : constant_halves(side.number);
    };
    auto left = one(left_);
    auto right = one(right_);
    if (left && right)
        place->second.emplace(std::move(*left), std::move(*right));
    return place->second;
}

std::optional<Ratios::Result> Ratios::operator()(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance, bool slopes,
                                                 double tolerance, double acceptable) const {
    if (!mean.isZero(0))
        return std::nullopt;
    if (!smooth_beside_zero())
        return with_kinks(covariance, slopes, std::max(tolerance, acceptable));
    // What is wanted, or as near as powers go.
    for (double aim = tolerance, step = 4;; aim = std::min(step * aim, acceptable)) {
        const auto found = [&](const auto& powers) -> std::optional<Result> {
            if (!powers)
                return std::nullopt;
            step = 100; // sums cost more than powers
            auto result = sum(*powers, covariance, slopes, aim);
            return result ? std::optional(Result{std::move(*result), aim}) : std::nullopt;
        };
        if (smooth())
            if (auto result = found(polynomials(aim)))
                return result;
        if (auto result = found(halves_of_sides(aim)))
            return result;
        if (aim >= acceptable)
            break;
    }
    return smooth() ? std::nullopt : with_kinks(covariance, slopes, std::max(tolerance, acceptable));
}

std::optional<Expectation> Ratios::sum(const Polynomials& powers, const Eigen::MatrixXd& covariance, bool slopes,
                                       double tolerance) const {
    const Tilts& tilted = tilts(covariance, left_.size, norm_of(left_.ratio, powers.left, slopes),
                                norm_of(right_.ratio, powers.right, slopes), tolerance, slopes);
    const Hermite left(powers.left, left_.ratio ? left_.ratio->offset : 0);
    const Hermite right(powers.right, right_.ratio ? right_.ratio->offset : 0);
    const std::size_t terms = std::min(powers.left.size(), powers.right.size());
    std::vector<double> f, g;
    const auto kernel = [&](std::size_t i, std::size_t j, const Eigen::VectorXd& x, const Eigen::VectorXd& y) {
        const double A = x.squaredNorm();
        const double B = y.squaredNorm();
        const double root = std::sqrt(A * B);
        const double rho = root > 0 ? std::clamp(x.dot(y) / root, -1.0, 1.0) : 0;
        left(tilted.left, i, A, f);
        right(tilted.right, j, B, g);
        Moments K;
        double power = 1;
        for (std::size_t m = 0; m < terms; ++m, power *= rho) {
            const auto order = static_cast<double>(m);
            K.value += f[m] * g[m] * power;
            if (!slopes)
                continue;
            const double two = std::sqrt((order + 1) * (order + 2));
            K.by_A += two * f[m + 2] * g[m] * power;
            K.by_B += two * f[m] * g[m + 2] * power;
            K.by_c += (order + 1) * f[m + 1] * g[m + 1] * power;
        }
        K.by_A = A > 0 ? K.by_A / (2 * A) : 0;
        K.by_B = B > 0 ? K.by_B / (2 * B) : 0;
        K.by_c = root > 0 ? K.by_c / root : 0;
        return K;
    };
    return integrate(tilted, kernel, slopes, tolerance);
}

std::optional<Expectation> Ratios::sum(const std::pair<Halves, Halves>& powers, const Eigen::MatrixXd& covariance,
                                       bool slopes, double tolerance) const {
    const auto norm = [&](const Side& side, const Halves& halves) {
        std::vector<double> either = halves.powers[0];
        for (std::size_t k = 0; k < either.size(); ++k)
            either[k] = std::max(std::abs(either[k]), std::abs(halves.powers[1][k]));
        return norm_of(side.ratio, either, slopes);
    };
    const Tilts& tilted =
        tilts(covariance, left_.size, norm(left_, powers.first), norm(right_, powers.second), tolerance, slopes);
    HalvesKernel pair(powers.first, left_.ratio ? left_.ratio->offset : 0, tilted.left, powers.second,
                      right_.ratio ? right_.ratio->offset : 0, tilted.right);
    const auto kernel = [&](std::size_t i, std::size_t j, const Eigen::VectorXd& x, const Eigen::VectorXd& y) {
        return pair(i, j, x, y, slopes);
    };
    return integrate(tilted, kernel, slopes, tolerance);
}

std::optional<Expectation> Ratios::integrate(const Tilts& tilted, Kernel kernel, bool slopes, double tolerance) const {
    const Eigen::VectorXd w = left_.ratio ? left_.ratio->form : Eigen::VectorXd::Zero(left_.size);
    const Eigen::VectorXd v = right_.ratio ? right_.ratio->form : Eigen::VectorXd::Zero(right_.size);
    Expectation sum;
    if (slopes)
        sum.slopes = Eigen::MatrixXd::Zero(left_.size, right_.size);
    double most = 0;
    double edge = 0;
    for (std::size_t i = 0; i < tilted.left.nodes.size(); ++i)
        for (std::size_t j = 0; j < tilted.right.nodes.size(); ++j) {
            const Tilt& tilt = tilted.at(i, j);
            const Moments K = kernel(i, j, tilt.Y.leftCols(left_.size) * w, tilt.Y.rightCols(right_.size) * v);
            sum.value += tilt.weight * K.value;
            const auto note = [&](double added) {
                most = std::max(most, added);
                if (tilted.last(i, j))
                    edge = std::max(edge, added);
            };
            note(std::abs(tilt.weight * K.value));
            if (!slopes)
                continue;
            const Eigen::MatrixXd here = tilt.weight * cross_derivative(tilt, w, v, K);
            sum.slopes += here;
            note(largest_entry(here));
        }
    // Many powers at far nodes may be beyond what numbers hold.
    const bool finite = std::isfinite(sum.value) && sum.slopes.allFinite();
    return finite && edge <= 100 * tolerance * most ? std::optional(std::move(sum)) : std::nullopt;
}

} // namespace tpc::joint
