// What is narrow in a plane: panels beside it are divided until Gauss's rule cannot miss it.
#include "runtime/planes/plane.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tpc::joint {
namespace {

constexpr double relevant = 5.5;      // features further out are not looked for
constexpr double widest = 32;         // panel of Gauss's rule, in lengths on which a function varies
constexpr double little = widest / 2; // what panels of width 2 resolve

} // namespace

void Plane::find_sharpness(double extent) {
    sharpness_.emplace(tape_, functions_, mean_, root_, samples_, extent);
    const Eigen::Vector2d far(std::min(extent, relevant), std::min(extent, relevant));
    constexpr double finest = 80;
    const double most = sharpness_->within({-far, far}, relevant, little, finest).maxCoeff();
    if (most <= little)
        sharpness_.reset();
    else
        add_squares(1 / std::min(most, finest));
}

// The norms again, by the trapezoidal rule.
void Plane::add_squares(double spacing) {
    norms_.setZero();
    const auto beside = static_cast<int>(std::ceil(relevant / spacing));
    std::vector<double> w(2 * static_cast<std::size_t>(beside) + 1), u(w.size());
    Eigen::ArrayXd weights(std::ssize(w));
    for (int k = -beside; k <= beside; ++k) {
        w[static_cast<std::size_t>(k + beside)] = k * spacing;
        weights[k + beside] = spacing * std::exp(-k * spacing * k * spacing / 2) / std::sqrt(2 * std::numbers::pi);
    }
    for (int line = -beside; line <= beside; ++line) {
        std::ranges::fill(u, line * spacing);
        for (std::size_t first = 0; first < w.size(); first += block) {
            const std::size_t count = std::min(block, w.size() - first);
            const TapeRun& at = run(false, u.data(), w.data() + first, count);
            for (std::size_t o = 0; o < outputs(); ++o) {
                const Eigen::Map<const Eigen::ArrayXd> values(at.row(outputs_[o]), static_cast<Eigen::Index>(count));
                const auto own = weights.segment(static_cast<Eigen::Index>(first), values.size());
                norms_[static_cast<Eigen::Index>(o)] += weights[line + beside] * (own * values.square()).sum();
            }
        }
    }
    norms_ = norms_.cwiseSqrt();
}

bool Plane::hides_between(double low, double high) const {
    if (!sharpness_)
        return false;
    const double allowed = widest / (high - low);
    return sharpness_->within({Eigen::Vector2d(low, -relevant), Eigen::Vector2d(high, relevant)}, relevant, allowed,
                              allowed)[0] > allowed;
}

bool Plane::hides_on(double u, double low, double high) const {
    const double nearest = low > 0 ? low : high < 0 ? -high : 0;
    return sharpness_ && std::hypot(u, nearest) <= relevant &&
           sharpness_->in({Eigen::Vector2d(u, low), Eigen::Vector2d(u, high)})[1] * (high - low) > widest;
}

} // namespace tpc::joint
