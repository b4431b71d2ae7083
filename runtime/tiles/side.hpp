// What a tile needs of one side's samples, laid out for rows: a left sample's numbers side by side over elements, those of
// the right samples of one tile side by side over lanes, element after element (the last tile padded with zeros), so that a
// tile goes through what it reads in one direction.
//
// Families are laid out in boxes that may be larger than their own: an element outside, which a read under `zero` meets, is
// the vector 0 like any other, and needs no test.
#pragma once

#include "runtime/rows/rows.hpp"
#include "runtime/samples/state.hpp"

#include <oneapi/tbb/parallel_for.h>

namespace tpc::execute {

// data[(sample / lanes) * `block` + element * `element` + sample % lanes]
template <class Real> struct PerSample {
    Numbers<Real> data;
    std::size_t lanes = 1;
    std::ptrdiff_t element = 0, block = 0;
    [[nodiscard]] const Real* at(std::ptrdiff_t e, std::size_t s) const {
        return data.data() + static_cast<std::ptrdiff_t>(s / lanes) * block + e * element +
               static_cast<std::ptrdiff_t>(s % lanes);
    }
    [[nodiscard]] bool empty() const { return data.empty(); }
};

// The larger boxes of families and of finite arrays.
struct TileBoxes {
    std::vector<plan::Box> families, finite;
};

// How one side lays out `width` numbers for every element of a box and every sample.
struct TileLayout {
    std::size_t samples = 0;
    std::size_t lanes = 1; // of a tile; 1: left samples
    // `value(element, k, sample)`, elements as `inner` counts them; zeros in the rest of `outer`.
    template <class Real, class Value>
    PerSample<Real> make(const plan::Box& inner, const plan::Box& outer, std::size_t width, const Value& value) const;
};

// By family: what operations read of it.
struct TileNeeds {
    std::vector<bool> norm, inverse;
};

template <class Real> struct TileSide {
    const State<Real>* state = nullptr;
    TileBoxes boxes;
    TileLayout layout;
    std::vector<PerSample<Real>> norm, inverse, mean; // by family: sqrt(E[Z^2]), its inverse (0 for 0), E[Z]; or empty
    std::vector<PerSample<Real>> coefficients;        // by coefficient array
    std::vector<PerSample<Real>> unit;                // by finite array: x / |x|
    std::vector<PerSample<Real>> length;              // by finite array: |x| / sqrt(d)
};

template <class Real>
TileSide<Real> tile_side(const State<Real>& state, std::size_t lanes, TileBoxes boxes, const TileNeeds& needs);

// --- implementation

template <class Real, class Value>
PerSample<Real> TileLayout::make(const plan::Box& inner, const plan::Box& outer, std::size_t width,
                                 const Value& value) const {
    PerSample<Real> result;
    result.lanes = lanes;
    result.element = static_cast<std::ptrdiff_t>(width * lanes);
    result.block = static_cast<std::ptrdiff_t>(outer.count()) * result.element;
    result.data.assign((samples + lanes - 1) / lanes * static_cast<std::size_t>(result.block), Real(0));
    const auto count = static_cast<std::size_t>(inner.count());
    constexpr std::size_t together = rows::lane_step<Real>; // left samples at once, as the state has them side by side
    const std::size_t step = std::max(lanes, together);
    oneapi::tbb::parallel_for(std::size_t{0}, (samples + step - 1) / step, [&](std::size_t part) {
        const std::size_t first = part * step;
        const std::size_t used = std::min(step, samples - first);
        const std::size_t next = lanes > 1 ? 1 : static_cast<std::size_t>(result.block);
        Real* const begin = result.data.data() + first / lanes * static_cast<std::size_t>(result.block);
        plan::Indices index(inner.lower.begin(), inner.lower.end());
        for (std::size_t e = 0; e < count; ++e) {
            Real* to = begin + offset_in(outer, index) * width * lanes;
            for (std::size_t k = 0; k < width; ++k, to += lanes)
                for (std::size_t s = 0; s < used; ++s)
                    to[s * next] = value(e, k, first + s);
            for (std::size_t d = index.size(); d-- > 0;) { // the next element, row-major
                if (++index[d] < inner.lower[d] + inner.size[d])
                    break;
                index[d] = inner.lower[d];
            }
        }
    });
    return result;
}

} // namespace tpc::execute
