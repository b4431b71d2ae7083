#include "runtime/execute/tile_features.hpp"

#include <array>
#include <cmath>

namespace tpc::execute {

std::size_t series_width(std::size_t terms) {
    return 2 * terms + 2;
}

namespace {

// h_k / |h|, the slopes, and the sums of squares of even and odd h_k / |h|: for all samples, as rows want them.
template <class Real>
PerSample<Real> series_features(const std::vector<Real>& features, std::size_t terms, const TileLayout& layout,
                                const plan::Box& inner, const plan::Box& outer) {
    const std::size_t given = 2 * terms + 1; // what Dual::features says of a series
    const std::size_t samples = layout.samples;
    const auto elements = static_cast<std::size_t>(inner.count());
    std::vector<std::array<double, 2>> squares(elements * samples);
    for (std::size_t e = 0; e < elements; ++e)
        for (std::size_t k = 0; k < terms; ++k)
            for (std::size_t s = 0; s < samples; ++s) {
                const auto h = static_cast<double>(features[(e * given + k) * samples + s]);
                squares[e * samples + s][k % 2] += h * h;
            }
    return layout.make<Real>(inner, outer, series_width(terms), [&](std::size_t e, std::size_t k, std::size_t s) {
        const auto& [even, odd] = squares[e * samples + s];
        const double square = even + odd;
        if (k >= 2 * terms)
            return square > 0 ? static_cast<Real>((k == 2 * terms ? even : odd) / square) : Real(0);
        const Real h = features[(e * given + k) * samples + s];
        return k >= terms ? h : square > 0 ? static_cast<Real>(static_cast<double>(h) / std::sqrt(square)) : Real(0);
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
               ? series_features(given, dual.shape.terms, side.layout, inner, outer)
               : plain_features(given, dual.method->features(), side.layout, inner, outer);
}

template TileDual<double> tile_dual(const plan::EntryRead&, const gaussian::Dual<double>&, const State<double>&,
                                    const State<double>&);
template PerSample<double> features_of(const TileDual<double>&, const TileSide<double>&, std::uint32_t,
                                       const std::vector<double>&);
template TileDual<float> tile_dual(const plan::EntryRead&, const gaussian::Dual<float>&, const State<float>&,
                                   const State<float>&);
template PerSample<float> features_of(const TileDual<float>&, const TileSide<float>&, std::uint32_t,
                                      const std::vector<float>&);

} // namespace tpc::execute
