#include "runtime/tiles/features.hpp"

#include "runtime/gaussian/parities.hpp"
#include "runtime/rows/value_series.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tpc::execute {

namespace {

// The numbers of the terms of the parities that do not vanish.
std::vector<std::size_t> used_terms(const std::array<bool, 2>& parities, std::size_t terms) {
    std::vector<std::size_t> used;
    for (std::size_t k = 0; k < terms; ++k)
        if (parities[k % 2])
            used.push_back(k);
    return used;
}

// The features of a series of one function on both sides, by element, number and sample: h_k and d_k of the parities that do
// not vanish, another.
template <class Real> class SeriesFeatures {
  public:
    SeriesFeatures(const std::vector<Real>& numbers, const gaussian::Shape& shape, std::size_t samples)
        : numbers_(numbers), values_(gaussian::terms_of(shape.values, shape.terms)),
          all_(values_ + gaussian::terms_of(shape.slopes, shape.terms) + 1), samples_(samples) {}
    // The k-th of those that there are.
    [[nodiscard]] double value(std::size_t e, std::size_t k, std::size_t s) const {
        return static_cast<double>(numbers_[(e * all_ + k) * samples_ + s]);
    }
    [[nodiscard]] double slope(std::size_t e, std::size_t k, std::size_t s) const { return value(e, values_ + k, s); }

  private:
    const std::vector<Real>& numbers_;
    std::size_t values_, all_, samples_;
};

// `visit`(element, sample from, to), in parallel.
template <class Visit> void each_chunk(std::size_t elements, std::size_t samples, const Visit& visit) {
    constexpr std::size_t chunk = 64;
    const std::size_t chunks = (samples + chunk - 1) / chunk;
    oneapi::tbb::parallel_for(std::size_t{0}, elements * chunks, [&](std::size_t task) {
        const std::size_t first = task % chunks * chunk;
        visit(task / chunks, first, std::min(first + chunk, samples));
    });
}

// h_k / |h|, the slopes, both of the parities that do not vanish, and the sums of squares of even and odd h_k / |h|: for all
// samples, as rows want them.
template <class Real>
PerSample<Real> series_features(const std::vector<Real>& given, const gaussian::Shape& shape, const TileLayout& layout,
                                const plan::Box& inner, const plan::Box& outer) {
    const SeriesFeatures<Real> features(given, shape, layout.samples);
    const std::size_t samples = layout.samples;
    const auto elements = static_cast<std::size_t>(inner.count());
    const auto values = used_terms(shape.values, shape.terms), slopes = used_terms(shape.slopes, shape.terms);
    std::vector<std::array<double, 2>> squares(elements * samples); // of even and of odd ones
    std::vector<double> inverse(elements * samples);
    each_chunk(elements, samples, [&](std::size_t e, std::size_t first, std::size_t end) {
        for (std::size_t k = 0; k < values.size(); ++k)
            for (std::size_t s = first; s < end; ++s) {
                const double h = features.value(e, k, s);
                squares[e * samples + s][values[k] % 2] += h * h;
            }
        for (std::size_t s = e * samples + first; s < e * samples + end; ++s) {
            const double square = squares[s][0] + squares[s][1];
            inverse[s] = square > 0 ? 1 / std::sqrt(square) : 0;
        }
    });
    const std::size_t width = values.size() + slopes.size();
    return layout.make<Real>(inner, outer, width + 2, [&](std::size_t e, std::size_t k, std::size_t s) {
        const double scale = inverse[e * samples + s];
        return static_cast<Real>(k >= width           ? squares[e * samples + s][k - width] * scale * scale
                                 : k >= values.size() ? features.slope(e, k - values.size(), s)
                                                      : features.value(e, k, s) * scale);
    });
}

// Of each Gaussian, by element and sample.
struct BareMoments {
    std::vector<double> deviation; // such that E[phi^2] is the sum of h_k^2 to the last digit
    std::vector<double> first;     // h_0
    std::vector<double> square, slope_square;
};
template <class Real>
BareMoments bare_moments(const std::vector<Real>& given, const gaussian::Shape& shape, std::size_t elements,
                         std::size_t samples) {
    const SeriesFeatures<Real> features(given, shape, samples);
    const auto values = used_terms(shape.values, shape.terms), slopes = used_terms(shape.slopes, shape.terms);
    const std::vector<double> zeros(elements * samples, 0);
    BareMoments result{zeros, zeros, zeros, zeros};
    each_chunk(elements, samples, [&](std::size_t e, std::size_t first, std::size_t end) {
        constexpr std::size_t abreast = 8;
        for (std::size_t begin = first; begin < end; begin += abreast) {
            const std::size_t count = std::min(abreast, end - begin);
            std::array<double, abreast> square{}, slope_square{}, derived{}, start{};
            for (std::size_t k = 0; k < values.size(); ++k)
                for (std::size_t i = 0; i < count; ++i) {
                    const double h = features.value(e, k, begin + i);
                    (values[k] == 0 ? start : square)[i] += values[k] == 0 ? h : h * h;
                }
            for (std::size_t k = 0; k < slopes.size(); ++k)
                for (std::size_t i = 0; i < count; ++i) {
                    const double d = features.slope(e, k, begin + i);
                    slope_square[i] += d * d;
                    if (slopes[k] + 1 < shape.terms)
                        derived[i] += d * d / static_cast<double>(slopes[k] + 1);
                }
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t at = e * samples + begin + i;
                result.deviation[at] = derived[i] > 0 ? std::sqrt(square[i] / derived[i]) : 0;
                result.first[at] = start[i];
                result.square[at] = start[i] * start[i] + square[i];
                result.slope_square[at] = slope_square[i];
            }
        }
    });
    return result;
}

// The features of any other method as they are.
template <class Real>
PerSample<Real> plain_features(const std::vector<Real>& features, std::size_t width, const TileLayout& layout,
                               const plan::Box& inner, const plan::Box& outer) {
    return layout.make<Real>(inner, outer, width, [&](std::size_t e, std::size_t k, std::size_t s) {
        return features[(e * width + k) * layout.samples + s];
    });
}

} // namespace

template <class Real>
TileDual<Real> tile_dual(const plan::EntryRead& read, const gaussian::Dual<Real>& method, const State<Real>& left,
                         const State<Real>& right) {
    TileDual<Real> dual;
    dual.method = &method;
    dual.shape = method.shape();
    // second moments are not variances: the method itself tells them apart
    if (!left.means[read.left.family].empty() || !right.means[read.right.family].empty())
        dual.shape.kind = gaussian::Shape::Kind::other;
    return dual;
}

template <class Real>
PerSample<Real> features_of(const TileDual<Real>& dual, const TileSide<Real>& side, std::uint32_t family,
                            const std::vector<Real>& given) {
    const plan::Box& inner = side.state->plan->boxes[family];
    const plan::Box& outer = side.boxes.families[family];
    return dual.shape.kind == gaussian::Shape::Kind::series
               ? series_features(given, dual.shape, side.layout, inner, outer)
               : plain_features(given, dual.method->features(), side.layout, inner, outer);
}

template <class Real>
std::shared_ptr<const Later<Sides<Real>>> gaps_of(const gaussian::Shape& shape, const TileSide<Real>& left,
                                                  const TileSide<Real>& right, std::uint32_t left_family,
                                                  std::uint32_t right_family, const DualFeatures<Real>& prepared) {
    const auto of_side = [&](const TileSide<Real>& side, std::uint32_t family, const std::vector<Real>* given,
                             std::size_t lanes) {
        return [=, layout = TileLayout{side.layout.samples, lanes}, inner = side.state->plan->boxes[family],
                outer = side.boxes.families[family]] { return series_features(*given, shape, layout, inner, outer); };
    };
    const auto of_left = of_side(left, left_family, prepared.left, 1);
    const auto of_right = of_side(right, right_family, prepared.right, rows::lane_step<Real>);
    return std::make_shared<const Later<Sides<Real>>>([=] { return Sides<Real>{of_left(), of_right()}; });
}

template <class Real>
Sides<Real> bare_features_of(const TileDual<Real>& dual, const TileSide<Real>& left, const TileSide<Real>& right,
                             std::uint32_t left_family, std::uint32_t right_family, const DualFeatures<Real>& prepared) {
    const auto lay_out = [&](const TileSide<Real>& side, std::uint32_t family, const std::vector<Real>& given,
                             const BareMoments& moments) {
        using rows::SeriesNumbers;
        const std::size_t samples = side.layout.samples;
        const SeriesFeatures<Real> features(given, dual.shape, samples);
        return side.layout.template make<Real>(
            side.state->plan->boxes[family], side.boxes.families[family],
            SeriesNumbers::count + gaussian::terms_of(dual.shape.slopes, dual.shape.terms),
            [&](std::size_t e, std::size_t k, std::size_t s) {
                if (k >= SeriesNumbers::count)
                    return static_cast<Real>(features.slope(e, k - SeriesNumbers::count, s));
                const Real norm = side.state->norm[family][e * samples + s];
                const std::size_t at = e * samples + s;
                return static_cast<Real>(k == SeriesNumbers::inverse     ? (norm > 0 ? 1 / norm : Real(0))
                                         : k == SeriesNumbers::deviation ? moments.deviation[at]
                                         : k == SeriesNumbers::first     ? moments.first[at]
                                         : k == SeriesNumbers::square    ? moments.square[at]
                                                                         : moments.slope_square[at]);
            });
    };
    const auto moments_of = [&](const TileSide<Real>& side, std::uint32_t family, const std::vector<Real>& given) {
        return bare_moments(given, dual.shape, static_cast<std::size_t>(side.state->plan->boxes[family].count()),
                            side.layout.samples);
    };
    const BareMoments of_left = moments_of(left, left_family, *prepared.left);
    Sides<Real> sides;
    sides.left = lay_out(left, left_family, *prepared.left, of_left);
    sides.right = lay_out(right, right_family, *prepared.right,
                          prepared.left == prepared.right ? of_left : moments_of(right, right_family, *prepared.right));
    return sides;
}

std::size_t bare_numbers(const gaussian::Shape& shape) {
    constexpr double usual = 0.5; // of correlations
    if (shape.kind != gaussian::Shape::Kind::series)
        return gaussian::ArcsineFeatures::count;
    const auto blocks =
        std::count_if(shape.reach.begin(), shape.reach.end(), [](double reach) { return reach < usual; }) + 1;
    return rows::SeriesNumbers::count + static_cast<std::size_t>(blocks) * gaussian::series_block;
}

template TileDual<double> tile_dual(const plan::EntryRead&, const gaussian::Dual<double>&, const State<double>&,
                                    const State<double>&);
template PerSample<double> features_of(const TileDual<double>&, const TileSide<double>&, std::uint32_t,
                                       const std::vector<double>&);
template std::shared_ptr<const Later<Sides<double>>> gaps_of(const gaussian::Shape&, const TileSide<double>&,
                                                             const TileSide<double>&, std::uint32_t, std::uint32_t,
                                                             const DualFeatures<double>&);
template std::shared_ptr<const Later<Sides<float>>> gaps_of(const gaussian::Shape&, const TileSide<float>&,
                                                            const TileSide<float>&, std::uint32_t, std::uint32_t,
                                                            const DualFeatures<float>&);
template Sides<double> bare_features_of(const TileDual<double>&, const TileSide<double>&, const TileSide<double>&,
                                        std::uint32_t, std::uint32_t, const DualFeatures<double>&);
template Sides<float> bare_features_of(const TileDual<float>&, const TileSide<float>&, const TileSide<float>&, std::uint32_t,
                                       std::uint32_t, const DualFeatures<float>&);
template TileDual<float> tile_dual(const plan::EntryRead&, const gaussian::Dual<float>&, const State<float>&,
                                   const State<float>&);
template PerSample<float> features_of(const TileDual<float>&, const TileSide<float>&, std::uint32_t,
                                      const std::vector<float>&);

} // namespace tpc::execute
