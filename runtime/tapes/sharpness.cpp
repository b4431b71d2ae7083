#include "runtime/tapes/sharpness.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace tpc::joint {
namespace {

using ir::Function;
using Kind = TapeNode::Kind;

constexpr double endless = std::numeric_limits<double>::infinity();

struct Bounds {
    double low = 0, high = 0;
    [[nodiscard]] double most() const { return std::max(std::abs(low), std::abs(high)); }
    [[nodiscard]] double least() const { return low > 0 ? low : high < 0 ? -high : 0; }
};

double product(double a, double b) { // 0 times anything is 0
    return a == 0 || b == 0 ? 0 : a * b;
}
Bounds operator*(const Bounds& a, const Bounds& b) {
    const auto [low, high] =
        std::minmax({product(a.low, b.low), product(a.low, b.high), product(a.high, b.low), product(a.high, b.high)});
    return {low, high};
}
Bounds operator+(const Bounds& a, const Bounds& b) {
    return {a.low + b.low, a.high + b.high};
}
Bounds operator-(const Bounds& a) {
    return {-a.high, -a.low};
}
Bounds square(const Bounds& a) {
    return {a.least() * a.least(), a.most() * a.most()};
}
Bounds inverse(const Bounds& a) {
    return a.low > 0 || a.high < 0 ? Bounds{1 / a.high, 1 / a.low} : Bounds{-endless, endless};
}
Bounds hull(double a, double b) {
    return {std::min(a, b), std::max(a, b)};
}
// Of an even function that falls away from 0.
template <class F> Bounds falling(const Bounds& a, F f) {
    return {f(a.most()), f(a.least())};
}

double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

// A function of one argument over a range of it: its value, its slope, and one over the length, in the argument, on which it
// varies there. Kinks and jumps have no length.
struct Applied {
    Bounds value, slope;
    double sharpness = 0;
};

Applied applied(Function function, const Bounds& a, double peak) {
    const auto meets = [&](double low, double high) { return a.high >= low && a.low <= high ? 1.0 : 0.0; };
    const auto increasing = [&](auto f) { return Bounds{f(a.low), f(a.high)}; };
    // of what is singular at 0; where 0 is in the range, the length is that of the range
    const auto singular = [&] { return a.least() > 0 ? 1 / a.least() : 4 / (a.high - a.low); };
    constexpr double edge = 3; // of tanh and erf: what is further away varies by 1e-3 and less
    constexpr double fallen = 3;
    const auto half = [](double x) { return std::pow(std::cosh(std::min(std::abs(x) / 2, 300.0)), -2) / 4; };
    switch (function) {
    case Function::neg:
        return {-a, {-1, -1}, 0};
    case Function::square:
        return {square(a), Bounds{2, 2} * a, 0};
    case Function::relu:
        return {increasing([](double x) { return std::max(x, 0.0); }), {a.low > 0 ? 1.0 : 0, a.high > 0 ? 1.0 : 0}, 0};
    case Function::abs:
        return {{a.least(), a.most()}, {a.low > 0 ? 1.0 : -1, a.high > 0 ? 1.0 : -1}, 0};
    case Function::sign:
    case Function::step:
        return {{-1, 1}, {0, 0}, 0};
    case Function::hardtanh:
        return {increasing([](double x) { return std::clamp(x, -1.0, 1.0); }), {0, 1}, 0};
    case Function::tanh:
        return {increasing([](double x) { return std::tanh(x); }),
                falling(a, [](double x) { return std::pow(std::cosh(std::min(x, 300.0)), -2); }), meets(-edge, edge)};
    case Function::sigmoid:
        return {increasing(sigmoid), falling(a, half), meets(-2 * edge, 2 * edge) / 2};
    case Function::softplus:
        return {increasing([](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }),
                increasing(sigmoid), meets(-2 * edge, 2 * edge) / 2};
    case Function::silu:
        return {{std::min(0.0, a.low > 0 ? a.low / 2 : -0.3), std::max(0.0, a.high)},
                {-0.1, 1.1},
                meets(-2 * edge, 2 * edge) / 2};
    case Function::gelu:
        return {{std::min(0.0, a.low > 0 ? a.low / 2 : -0.2), std::max(0.0, a.high)},
                {-0.15, 1.15},
                meets(-2 * edge, 2 * edge) / 2};
    case Function::erf:
    case Function::erfc: {
        const double turn = function == Function::erf ? 1 : -1;
        const Bounds slope = falling(a, [](double x) { return 2 * std::numbers::inv_sqrtpi * std::exp(-x * x); });
        const auto f = [&](double x) { return turn > 0 ? std::erf(x) : std::erfc(x); };
        return {hull(f(a.low), f(a.high)), turn > 0 ? slope : -slope, meets(-edge, edge)};
    }
    case Function::elu:
        return {increasing([](double x) { return x > 0 ? x : std::expm1(x); }),
                increasing([](double x) { return std::exp(std::min(x, 0.0)); }), meets(-fallen, 0)};
    case Function::sin:
    case Function::cos:
        return {{-1, 1}, {-1, 1}, 1};
    case Function::exp: {
        const Bounds value = increasing([](double x) { return std::exp(x); });
        return {value, value, meets(peak - fallen, endless)};
    }
    case Function::log: {
        const Bounds inside{std::max(a.low, 0.0), std::max(a.high, 0.0)};
        return {{std::log(inside.low), std::log(inside.high)},
                {inside.high > 0 ? 1 / inside.high : 0, 1 / inside.low},
                singular()};
    }
    case Function::sqrt: {
        const Bounds root{std::sqrt(std::max(a.low, 0.0)), std::sqrt(std::max(a.high, 0.0))};
        return {root, {root.high > 0 ? 0.5 / root.high : 0, 0.5 / root.low}, singular()};
    }
    default:
        return {{-endless, endless}, {-endless, endless}, 0};
    }
}

// a^p
Applied power(const Bounds& a, double p) {
    if (a.low > 0) {
        const auto slope = [&](double x) { return p * std::pow(x, p - 1); };
        return {hull(std::pow(a.low, p), std::pow(a.high, p)), hull(slope(a.low), slope(a.high)), p == 1 ? 0 : 1 / a.low};
    }
    if (p != std::floor(p) || p < 0)
        return {{-endless, endless}, {-endless, endless}, 4 / (a.high - a.low)};
    const double most = std::pow(a.most(), p), slope = p * std::pow(a.most(), p - 1);
    return {{std::fmod(p, 2) == 0 ? 0 : -most, most}, {-slope, slope}, 0};
}

} // namespace

Sharpness::Sharpness(const Tape& tape, const std::vector<NodeId>& outputs, Eigen::VectorXd mean, Eigen::MatrixXd root,
                     const std::vector<double>& samples, double extent)
    : tape_(tape), place_(tape.nodes().size(), 0), mean_(std::move(mean)), root_(std::move(root)), samples_(samples) {
    const std::vector<bool> needed = needed_for(tape, outputs);
    for (NodeId id = 0; id < needed.size(); ++id)
        if (needed[id]) {
            place_[id] = static_cast<std::uint32_t>(used_.size());
            used_.push_back(id);
        }
    peaks_.resize(used_.size(), 0);
    const Eigen::VectorXd far = Eigen::VectorXd::Constant(root_.cols(), extent);
    std::vector<double> peaks = peaks_;
    sweep({-far, far}, &peaks);
    peaks_ = std::move(peaks);
}

Eigen::VectorXd Sharpness::sweep(const Box& box, std::vector<double>* peaks) const {
    const auto directions = static_cast<std::size_t>(root_.cols());
    const Eigen::VectorXd centre = (box.low + box.high) / 2, half = (box.high - box.low) / 2;
    std::vector<Bounds> values(used_.size()), slopes(used_.size() * directions);
    std::vector<double> middle(used_.size(), std::numeric_limits<double>::quiet_NaN());
    Eigen::VectorXd result = Eigen::VectorXd::Zero(root_.cols());
    for (std::size_t k = 0; k < used_.size(); ++k) {
        const TapeNode& node = tape_.nodes()[used_[k]];
        Bounds* const slope = &slopes[k * directions];
        if (node.kind == Kind::number || node.kind == Kind::sample) {
            const double number = node.kind == Kind::number ? node.number : samples_[node.index];
            values[k] = {number, number};
            middle[k] = number;
            continue;
        }
        if (node.kind == Kind::gaussian) {
            const auto row = static_cast<Eigen::Index>(node.index);
            const double at = mean_[row] + root_.row(row).dot(centre), away = root_.row(row).cwiseAbs().dot(half);
            values[k] = {at - away, at + away};
            middle[k] = at;
            for (std::size_t d = 0; d < directions; ++d)
                slope[d] = {root_(row, static_cast<Eigen::Index>(d)), root_(row, static_cast<Eigen::Index>(d))};
            continue;
        }
        const std::uint32_t a = place_[node.a], b = place_[node.b];
        const Bounds x = values[a], y = values[b];
        const Bounds *const dx = &slopes[a * directions], *const dy = &slopes[b * directions];
        const auto bends = [&](const Bounds* of, double sharpness) {
            for (std::size_t d = 0; sharpness > 0 && d < directions; ++d)
                result[static_cast<Eigen::Index>(d)] =
                    std::max(result[static_cast<Eigen::Index>(d)], product(sharpness, of[d].most()));
        };
        switch (node.function) {
        case Function::add:
        case Function::sub: {
            const bool plus = node.function == Function::add;
            values[k] = x + (plus ? y : -y);
            for (std::size_t d = 0; d < directions; ++d)
                slope[d] = dx[d] + (plus ? dy[d] : -dy[d]);
            break;
        }
        case Function::mul:
            values[k] = x * y;
            for (std::size_t d = 0; d < directions; ++d)
                slope[d] = dx[d] * y + x * dy[d];
            break;
        case Function::div: {
            const Bounds over = inverse(y);
            values[k] = x * over;
            for (std::size_t d = 0; d < directions; ++d)
                slope[d] = (dx[d] + -(values[k] * dy[d])) * over;
            bends(dy, y.low == y.high ? 0 : y.least() > 0 ? 1 / y.least() : 4 / (y.high - y.low));
            break;
        }
        case Function::leaky_relu:
            values[k] = {std::min(x.low, product(y.most(), x.low)), std::max(x.high, 0.0)};
            for (std::size_t d = 0; d < directions; ++d)
                slope[d] = dx[d] * Bounds{std::min(0.0, y.low), std::max(1.0, y.high)};
            break;
        default: {
            const Applied f = node.function == Function::pow ? power(x, y.low) : applied(node.function, x, peaks_[k]);
            values[k] = f.value;
            if (peaks != nullptr && node.function == Function::exp)
                (*peaks)[k] = std::min(x.high, 0.0);
            for (std::size_t d = 0; d < directions; ++d)
                slope[d] = dx[d] * f.slope;
            bends(dx, f.sharpness);
        }
        }
        // Gaussians that go together: polynomials of them are no further from their value at the centre than gradients
        // allow.
        const auto at_centre = [&] {
            switch (node.function) {
            case Function::neg:
                return -middle[a];
            case Function::add:
                return middle[a] + middle[b];
            case Function::sub:
                return middle[a] - middle[b];
            case Function::mul:
                return middle[a] * middle[b];
            case Function::square:
                return middle[a] * middle[a];
            default:
                return std::numeric_limits<double>::quiet_NaN();
            }
        };
        middle[k] = at_centre();
        double away = 0;
        for (std::size_t d = 0; d < directions; ++d)
            away += product(slope[d].most(), half[static_cast<Eigen::Index>(d)]);
        if (std::isfinite(middle[k]) && std::isfinite(away))
            values[k] = {std::max(values[k].low, middle[k] - away), std::min(values[k].high, middle[k] + away)};
    }
    return result;
}

Eigen::VectorXd Sharpness::within(const Box& box, double reach, double little, double enough) const {
    Eigen::VectorXd result = Eigen::VectorXd::Zero(root_.cols());
    std::vector<Box> open{box};
    std::size_t left = 1024; // boxes
    while (!open.empty() && !(result.array() > enough).any()) {
        const Box one = std::move(open.back());
        open.pop_back();
        const Eigen::ArrayXd nearest = one.low.array().max(0) + (-one.high.array()).max(0);
        if (nearest.matrix().norm() > reach)
            continue;
        const Eigen::VectorXd here = in(one);
        if ((here.array() <= result.array().max(little)).all())
            continue;
        Eigen::Index longest = 0;
        const double lengths = (here.array() * (one.high - one.low).array()).maxCoeff(&longest);
        if (lengths <= 2 || left == 0) {
            result = result.cwiseMax(here);
            continue;
        }
        --left;
        const double middle = (one.low[longest] + one.high[longest]) / 2;
        open.push_back(one);
        open.back().low[longest] = middle;
        open.push_back(one);
        open.back().high[longest] = middle;
    }
    return result;
}

} // namespace tpc::joint
