#include "runtime/execute/tile_features.hpp"

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

// What Dual::features says of a series, by element, number and sample: h_k, d_k, another.
template <class Real> struct SeriesFeatures {
    const std::vector<Real>& numbers;
    std::size_t terms, samples;
    [[nodiscard]] double value(std::size_t e, std::size_t k, std::size_t s) const {
        return static_cast<double>(numbers[(e * (2 * terms + 1) + k) * samples + s]);
    }
    [[nodiscard]] double slope(std::size_t e, std::size_t k, std::size_t s) const { return value(e, terms + k, s); }
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
    const SeriesFeatures<Real> features{given, shape.terms, layout.samples};
    const std::size_t samples = layout.samples;
    const auto elements = static_cast<std::size_t>(inner.count());
    const auto values = used_terms(shape.values, shape.terms), slopes = used_terms(shape.slopes, shape.terms);
    std::vector<std::array<double, 2>> squares(elements * samples); // of even and of odd ones
    std::vector<double> inverse(elements * samples);
    each_chunk(elements, samples, [&](std::size_t e, std::size_t first, std::size_t end) {
        for (std::size_t k = 0; k < shape.terms; ++k)
            for (std::size_t s = first; s < end; ++s) {
                const double h = features.value(e, k, s);
                squares[e * samples + s][k % 2] += h * h;
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
                                 : k >= values.size() ? features.slope(e, slopes[k - values.size()], s)
                                                      : features.value(e, values[k], s) * scale);
    });
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
PerSample<Real> bare_features_of(const TileDual<Real>& dual, const TileSide<Real>& side, std::uint32_t family,
                                 const std::vector<Real>& given) {
    using rows::SeriesNumbers;
    const std::size_t samples = side.layout.samples;
    const SeriesFeatures<Real> features{given, dual.shape.terms, samples};
    const auto slopes = used_terms(dual.shape.slopes, dual.shape.terms);
    const plan::Box& inner = side.state->plan->boxes[family];
    const auto elements = static_cast<std::size_t>(inner.count());
    std::vector<double> deviation(elements * samples, 0); // such that E[phi^2] is the sum of h_k^2 to the last digit
    std::vector<double> square(elements * samples, 0), slope_square(elements * samples, 0);
    each_chunk(elements, samples, [&](std::size_t e, std::size_t first, std::size_t end) {
        std::vector<double> derived(end - first, 0);
        double* const own = deviation.data() + e * samples;
        for (std::size_t k = 1; k < dual.shape.terms; ++k)
            for (std::size_t s = first; s < end; ++s) {
                const double h = features.value(e, k, s), slope = features.slope(e, k - 1, s);
                own[s] += h * h;
                derived[s - first] += slope * slope / static_cast<double>(k);
            }
        for (std::size_t k = 0; k < dual.shape.terms; ++k)
            for (std::size_t s = first; s < end; ++s) {
                const double h = features.value(e, k, s), slope = features.slope(e, k, s);
                square[e * samples + s] += h * h;
                slope_square[e * samples + s] += slope * slope;
            }
        for (std::size_t s = first; s < end; ++s)
            own[s] = derived[s - first] > 0 ? std::sqrt(own[s] / derived[s - first]) : 0;
    });
    return side.layout.template make<Real>(
        inner, side.boxes.families[family], SeriesNumbers::count + slopes.size(),
        [&](std::size_t e, std::size_t k, std::size_t s) {
            if (k >= SeriesNumbers::count)
                return static_cast<Real>(features.slope(e, slopes[k - SeriesNumbers::count], s));
            const Real norm = side.state->norm[family][e * samples + s];
            return static_cast<Real>(k == SeriesNumbers::inverse     ? (norm > 0 ? 1 / norm : Real(0))
                                     : k == SeriesNumbers::deviation ? deviation[e * samples + s]
                                     : k == SeriesNumbers::first     ? features.value(e, 0, s)
                                     : k == SeriesNumbers::square    ? square[e * samples + s]
                                                                     : slope_square[e * samples + s]);
        });
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
template PerSample<double> bare_features_of(const TileDual<double>&, const TileSide<double>&, std::uint32_t,
                                            const std::vector<double>&);
template PerSample<float> bare_features_of(const TileDual<float>&, const TileSide<float>&, std::uint32_t,
                                           const std::vector<float>&);
template TileDual<float> tile_dual(const plan::EntryRead&, const gaussian::Dual<float>&, const State<float>&,
                                   const State<float>&);
template PerSample<float> features_of(const TileDual<float>&, const TileSide<float>&, std::uint32_t,
                                      const std::vector<float>&);

} // namespace tpc::execute
