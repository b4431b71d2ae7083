// Dual kernels of p0 + p3 S(z), S(z) = erf(z / sqrt(2 r)), or sign z for r = 0, of centred Gaussians:
//   E[phi phi] = p0^2 + 2/pi p3^2 asin(c / sqrt((A + r) (B + r))).
// Pair by pair they are computed as piecewise linear functions and sums of groups are; rows of pairs by runtime/rows.
#include "runtime/gaussian/methods.hpp"

#include <cmath>
#include <numbers>

namespace tpc::gaussian {

namespace {

struct Arcsine {
    double constant = 0, factor = 0, blur = 0; // p0, p3, r
};

std::optional<Arcsine> arcsine_of(const Univariate& phi) {
    if (!phi.groups)
        return std::nullopt;
    Arcsine result;
    std::size_t jumps = 0;
    for (const Group& group : *phi.groups) {
        if (group.offset != 0 || group.gauss != 0 || group.rate != 0.0 || group.kink != 0 || group.poly.size() != 1)
            return std::nullopt;
        (group.jump ? result.factor : result.constant) = group.poly[0].real();
        jumps += group.jump ? 1 : 0;
        if (group.jump)
            result.blur = group.blur;
    }
    // What is said of the value at 0 counts where samples are 0.
    if (jumps != 1 || result.factor == 0 || (*phi.value)(0) != result.constant)
        return std::nullopt;
    // A constant that is next to nothing would drown the gaps of nearly linear ones in rounding.
    constexpr double least = 0.03;
    if (result.constant != 0 && std::abs(result.constant) < least * std::abs(result.factor))
        return std::nullopt;
    return result;
}

template <class Real> class ArcsineDual final : public Dual<Real> {
  public:
    ArcsineDual(const Arcsine& own, std::unique_ptr<Dual<Real>> pairs) : own_(own), pairs_(std::move(pairs)) {}

    std::size_t features() const override { return ArcsineFeatures::count; }
    void prepare(int, std::size_t count, const Real* variance, const Real*, Real* features,
                 std::size_t stride) const override {
        const double scale = 2 * std::numbers::inv_pi * own_.factor * own_.factor;
        for (std::size_t i = 0; i < count; ++i) {
            const double A = std::max(static_cast<double>(variance[i]), 0.0);
            const double sum = A + own_.blur;
            const double sine = A > 0 ? A / sum : 0;
            const double rest = A > 0 ? own_.blur / sum : 1; // 1 - sin alpha
            const double cosine = std::sqrt(rest * (2 - rest));
            const double alpha = std::atan2(sine, cosine);
            const double angle = scale * alpha;
            const double norm = std::sqrt(own_.constant * own_.constant + angle);
            const auto set = [&](std::size_t k, double value) { features[k * stride + i] = static_cast<Real>(value); };
            set(ArcsineFeatures::root, std::sqrt(sine));
            set(ArcsineFeatures::sine, rest > 0 ? std::sin(alpha / 2) : std::numbers::sqrt2 / 2);
            set(ArcsineFeatures::cosine, rest > 0 ? std::cos(alpha / 2) : std::numbers::sqrt2 / 2);
            set(ArcsineFeatures::rest, std::sqrt(rest));
            set(ArcsineFeatures::norm, norm);
            set(ArcsineFeatures::inverse, norm > 0 ? 1 / norm : 0);
            set(ArcsineFeatures::angle, angle);
        }
    }
    void evaluate(const Gaussians<Real>& gaussians, typename Dual<Real>::Features, typename Dual<Real>::Features,
                  const DualResult<Real>& result) const override {
        pairs_->evaluate(gaussians, {}, {}, result);
    }
    Shape shape() const override {
        Shape shape;
        shape.kind = Shape::Kind::arcsine;
        shape.constant = own_.constant * own_.constant;
        shape.scale = 2 * std::numbers::inv_pi * own_.factor * own_.factor;
        shape.blur = own_.blur;
        shape.nonnegative = own_.constant >= std::abs(own_.factor);
        return shape;
    }
    std::string method() const override { return "closed form (arcsine)"; }

  private:
    Arcsine own_;
    std::unique_ptr<Dual<Real>> pairs_;
};

} // namespace

template <class Real>
std::unique_ptr<Dual<Real>> make_arcsine(const Sides& sides, const Regime& regime, const DualOptions& options) {
    const auto own = sides.same && regime.largest_mean == 0 ? arcsine_of(*sides.phi) : std::nullopt;
    if (!own)
        return nullptr;
    auto pairs = make_piecewise<Real>(sides, regime, options);
    if (!pairs)
        pairs = make_closed<Real>(sides, regime, options, nullptr);
    return pairs ? std::make_unique<ArcsineDual<Real>>(*own, std::move(pairs)) : nullptr;
}

template std::unique_ptr<Dual<float>> make_arcsine(const Sides&, const Regime&, const DualOptions&);
template std::unique_ptr<Dual<double>> make_arcsine(const Sides&, const Regime&, const DualOptions&);

} // namespace tpc::gaussian
