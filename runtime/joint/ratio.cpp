#include "runtime/joint/ratio.hpp"

#include "runtime/gaussian/kinks.hpp"
#include "runtime/joint/quotient.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

constexpr std::size_t most_degree = 96;

// Coefficients of powers of t of the Chebyshev interpolant on -r..r, by doubling degrees until what is left out is below
// `tolerance` of a typical value. Powers cancel; nothing where their rounding would be seen.
std::optional<std::vector<double>> interpolate(const gaussian::Tape& f, double r, double tolerance) {
    for (std::size_t degree = 8; degree <= most_degree; degree += 8) {
        const std::size_t n = degree + 1;
        std::vector<double> x(n), values(n);
        for (std::size_t i = 0; i < n; ++i)
            x[i] = r * std::cos(std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(n));
        f(n, x.data(), values.data());
        double square = 0;
        for (const double value : values)
            square += value * value / static_cast<double>(n);
        if (!std::isfinite(square))
            return std::nullopt;
        const double allowed = tolerance * std::sqrt(square) / 20;
        std::vector<double> chebyshev(n, 0);
        for (std::size_t k = 0; k < n; ++k)
            for (std::size_t i = 0; i < n; ++i)
                chebyshev[k] += (k == 0 ? 1.0 : 2.0) / static_cast<double>(n) * values[i] *
                                std::cos(std::numbers::pi * static_cast<double>(k) * (static_cast<double>(i) + 0.5) /
                                         static_cast<double>(n));
        // of the function and of its derivative, T_k' = k U_{k-1}
        double slope_square = 0;
        for (std::size_t k = 1; k < n; ++k)
            slope_square += std::pow(static_cast<double>(k) * chebyshev[k], 2);
        const double slope_allowed = tolerance * std::sqrt(slope_square) / 20;
        double rest = 0;
        double slope_rest = 0;
        std::size_t kept = n;
        for (; kept > 1; --kept) {
            const auto order = static_cast<double>(kept - 1);
            rest += std::abs(chebyshev[kept - 1]);
            slope_rest += order * std::abs(chebyshev[kept - 1]);
            if (rest > allowed || slope_rest > slope_allowed)
                break;
        }
        if (kept + 4 > n) // what lies beyond is as small only if the last ones are
            continue;
        // T_k by powers of x / r
        std::vector<double> powers(kept, 0), before{1}, here{0, 1};
        double magnitude = 0;
        for (std::size_t k = 0; k < kept; ++k) {
            const std::vector<double>& t = k == 0 ? before : here;
            for (std::size_t j = 0; j < t.size(); ++j) {
                powers[j] += chebyshev[k] * t[j];
                magnitude += std::abs(chebyshev[k] * t[j]);
            }
            if (k == 0)
                continue;
            std::vector<double> next(here.size() + 1, 0);
            for (std::size_t j = 0; j < here.size(); ++j)
                next[j + 1] = 2 * here[j];
            for (std::size_t j = 0; j < before.size(); ++j)
                next[j] -= before[j];
            before = std::move(here);
            here = std::move(next);
        }
        if (magnitude * 1e-15 > allowed)
            return std::nullopt;
        const bool odd = std::ranges::all_of(
            chebyshev, [&, k = 0UL](double c) mutable { return k++ % 2 == 1 || std::abs(c) <= 1e-14 * std::sqrt(square); });
        const bool even = std::ranges::all_of(
            chebyshev, [&, k = 0UL](double c) mutable { return k++ % 2 == 0 || std::abs(c) <= 1e-14 * std::sqrt(square); });
        for (std::size_t k = 0; k < kept; ++k) {
            powers[k] /= std::pow(r, static_cast<double>(k));
            if ((odd && k % 2 == 0) || (even && k % 2 == 1))
                powers[k] = 0;
        }
        return powers;
    }
    return std::nullopt;
}

// E[sum p_k s^(k/2) / Gamma(k/2) a^k he_m(a / sqrt(A))] by m; `weights` k is h s^(k/2) exp(-s c) / Gamma(k/2).
class Hermite {
  public:
    explicit Hermite(const std::vector<double>& powers) : powers_(powers), moments_(powers.size() * powers.size(), 0) {
        for (std::size_t k = 0; k < powers.size(); ++k)
            for (std::size_t m = k % 2; m <= k; m += 2) { // E[u^k he_m] = k! / (((k-m)/2)! 2^((k-m)/2) sqrt(m!))
                const auto j = static_cast<double>((k - m) / 2);
                moments_[k * powers.size() + m] =
                    powers[k] * std::exp(std::lgamma(static_cast<double>(k) + 1) - std::lgamma(j + 1) -
                                         j * std::numbers::ln2 - std::lgamma(static_cast<double>(m) + 1) / 2);
            }
    }
    void operator()(const std::vector<double>& weights, double A, std::vector<double>& result) const {
        const std::size_t n = powers_.size();
        result.assign(n + 2, 0);
        double root = 1;
        for (std::size_t k = 0; k < n; ++k, root *= std::sqrt(A)) {
            if (powers_[k] == 0)
                continue;
            for (std::size_t m = k % 2; m <= k; m += 2)
                result[m] += moments_[k * n + m] * weights[k] * root;
        }
    }

  private:
    const std::vector<double>& powers_;
    std::vector<double> moments_; // [k][m]
};

// Weights of each power at each node, and the node s = 0 for the constant.
std::vector<std::vector<double>> weights_of(const LaplaceRule& rule, double offset, std::size_t terms) {
    std::vector<std::vector<double>> result;
    for (std::size_t i = 0; i < rule.nodes.size(); ++i) {
        std::vector<double> one(terms, 0);
        const bool zero = rule.nodes[i] == 0;
        for (std::size_t k = zero ? 0 : 1; k < (zero ? std::min<std::size_t>(1, terms) : terms); ++k)
            one[k] = rule.weight(i, offset, static_cast<int>(k));
        result.push_back(std::move(one));
    }
    return result;
}

Norm norm_of(const std::optional<Ratio>& ratio, const std::vector<double>& powers, bool slopes) {
    if (!ratio)
        return {};
    double least = 1;
    while (static_cast<std::size_t>(least) < powers.size() && powers[static_cast<std::size_t>(least)] == 0)
        ++least;
    return {ratio->quadratic, ratio->offset, least, slopes ? 1.0 : 0.0, powers[0] != 0};
}

} // namespace

std::unique_ptr<Ratios> Ratios::make(const Integrand& integrand) {
    auto result = std::make_unique<Ratios>();
    const auto side = [&](NodeId id, std::uint32_t first, std::uint32_t count, double& number, std::optional<Ratio>& place) {
        const TapeNode& node = integrand.tape.nodes()[id];
        if (node.kind == TapeNode::Kind::number) {
            number = node.number;
            return true;
        }
        place = ratio(integrand.tape, id, first, count, result->table_);
        if (!place)
            return false;
        const auto function = gaussian::analyse({&result->table_, place->function}, nullptr);
        return function && function->jumps.empty() &&
               gaussian::find_kinks(*function, -place->range, place->range).sharp.empty();
    };
    result->left_size_ = integrand.left_gaussians;
    result->right_size_ = integrand.right_gaussians;
    if (!side(integrand.left, 0, integrand.left_gaussians, result->left_number_, result->left_) ||
        !side(integrand.right, integrand.left_gaussians, integrand.right_gaussians, result->right_number_, result->right_) ||
        (!result->left_ && !result->right_))
        return nullptr;
    return result;
}

std::optional<Ratios::Polynomials> Ratios::polynomials(double tolerance) const {
    const std::lock_guard lock(mutex_);
    const auto [place, fresh] = polynomials_.try_emplace(tolerance);
    if (!fresh)
        return place->second;
    const auto one = [&](const std::optional<Ratio>& ratio, double number) -> std::optional<std::vector<double>> {
        if (!ratio)
            return std::vector<double>{number};
        const auto function = gaussian::analyse({&table_, ratio->function}, nullptr);
        return interpolate(*function->value, ratio->range, tolerance);
    };
    auto left = one(left_, left_number_);
    auto right = one(right_, right_number_);
    if (left && right)
        place->second = Polynomials{std::move(*left), std::move(*right)};
    return place->second;
}

std::optional<Expectation> Ratios::operator()(const Eigen::VectorXd& mean, const Eigen::MatrixXd& covariance, bool slopes,
                                              double tolerance) const {
    if (!mean.isZero(0))
        return std::nullopt;
    const auto powers = polynomials(tolerance);
    if (!powers)
        return std::nullopt;
    const Tilts& tilted = tilts(covariance, left_size_, norm_of(left_, powers->left, slopes),
                                norm_of(right_, powers->right, slopes), tolerance, slopes);
    const Hermite left(powers->left), right(powers->right);
    const auto left_weights = weights_of(tilted.left, left_ ? left_->offset : 0, powers->left.size());
    const auto right_weights = weights_of(tilted.right, right_ ? right_->offset : 0, powers->right.size());
    const Eigen::VectorXd w = left_ ? left_->form : Eigen::VectorXd::Zero(left_size_);
    const Eigen::VectorXd v = right_ ? right_->form : Eigen::VectorXd::Zero(right_size_);
    const std::size_t terms = std::min(powers->left.size(), powers->right.size());
    Expectation sum;
    if (slopes)
        sum.slopes = Eigen::MatrixXd::Zero(left_size_, right_size_);
    std::vector<double> f, g;
    double most = 0;
    double edge = 0;
    for (std::size_t i = 0; i < tilted.left.nodes.size(); ++i)
        for (std::size_t j = 0; j < tilted.right.nodes.size(); ++j) {
            const Tilt& tilt = tilted.at(i, j);
            const Eigen::VectorXd x = tilt.Y.leftCols(left_size_) * w;
            const Eigen::VectorXd y = tilt.Y.rightCols(right_size_) * v;
            const double A = x.squaredNorm();
            const double B = y.squaredNorm();
            const double c = x.dot(y);
            const double root = std::sqrt(A * B);
            const double rho = root > 0 ? std::clamp(c / root, -1.0, 1.0) : 0;
            left(left_weights[i], A, f);
            right(right_weights[j], B, g);
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
            note(here.cwiseAbs().maxCoeff());
        }
    return edge <= 100 * tolerance * most ? std::optional(std::move(sum)) : std::nullopt;
}

} // namespace tpc::joint
