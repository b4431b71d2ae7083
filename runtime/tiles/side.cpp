#include "runtime/tiles/side.hpp"

#include <cmath>

namespace tpc::execute {

template <class Real>
TileSide<Real> tile_side(const State<Real>& state, std::size_t lanes, TileBoxes boxes, const TileNeeds& needs) {
    TileSide<Real> side;
    side.state = &state;
    side.layout = {state.samples, lanes};
    const std::size_t samples = state.samples;
    for (std::size_t f = 0; f < state.norm.size(); ++f) {
        const auto lay_out = [&](bool needed, const Numbers<Real>& from, const auto& function) {
            if (!needed || from.empty())
                return PerSample<Real>{};
            return side.layout.template make<Real>(
                state.plan->boxes[f], boxes.families[f], 1,
                [&](std::size_t e, std::size_t, std::size_t s) { return function(from[e * samples + s]); });
        };
        side.norm.push_back(lay_out(needs.norm[f], state.norm[f], [](Real x) { return x; }));
        side.inverse.push_back(lay_out(needs.inverse[f], state.norm[f], [](Real x) { return x > 0 ? 1 / x : Real(0); }));
        side.mean.push_back(lay_out(true, state.means[f], [](Real x) { return x; }));
    }
    for (std::size_t a = 0; a < state.coefficients.size(); ++a) {
        const plan::Box& box = state.plan->coefficients[a].box;
        side.coefficients.push_back(side.layout.template make<Real>(
            box, box, 1, [&](std::size_t e, std::size_t, std::size_t s) { return state.coefficients[a][e * samples + s]; }));
    }
    for (std::size_t f = 0; f < state.finite.size(); ++f) {
        const auto length = static_cast<std::size_t>(state.plan->finite[f].length);
        const plan::Box& box = state.plan->finite[f].box;
        const auto x = [&](std::size_t e, std::size_t k, std::size_t s) {
            return static_cast<double>(state.finite[f][(e * length + k) * samples + s]);
        };
        std::vector<double> norms(static_cast<std::size_t>(box.count()) * samples, 0);
        for (std::size_t e = 0; e * samples < norms.size(); ++e)
            for (std::size_t s = 0; s < samples; ++s) {
                double square = 0;
                for (std::size_t k = 0; k < length; ++k)
                    square += x(e, k, s) * x(e, k, s);
                norms[e * samples + s] = std::sqrt(square);
            }
        const double root = std::sqrt(static_cast<double>(length));
        side.unit.push_back(
            side.layout.template make<Real>(box, boxes.finite[f], length, [&](std::size_t e, std::size_t k, std::size_t s) {
                const double norm = norms[e * samples + s];
                return norm > 0 ? static_cast<Real>(x(e, k, s) / norm) : Real(0);
            }));
        side.length.push_back(
            side.layout.template make<Real>(box, boxes.finite[f], 1, [&](std::size_t e, std::size_t, std::size_t s) {
                return static_cast<Real>(norms[e * samples + s] / root);
            }));
    }
    side.boxes = std::move(boxes);
    return side;
}

template TileSide<double> tile_side(const State<double>&, std::size_t, TileBoxes, const TileNeeds&);
template TileSide<float> tile_side(const State<float>&, std::size_t, TileBoxes, const TileNeeds&);

} // namespace tpc::execute
