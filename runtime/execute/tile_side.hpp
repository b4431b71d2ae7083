// What a tile needs of one side's samples, laid out for rows: a left sample's numbers side by side over elements, right
// samples' side by side over lanes (padded with zeros to a multiple of rows::lane_step).
//
// Families are laid out in boxes that may be larger than their own: an element outside, which a read under `zero` meets, is
// the vector 0 like any other, and needs no test.
#pragma once

#include "runtime/execute/state.hpp"

namespace tpc::execute {

// data[element * `element` + sample * `sample`]
template <class Real> struct PerSample {
    std::vector<Real> data;
    std::ptrdiff_t element = 0, sample = 0;
    [[nodiscard]] const Real* at(std::ptrdiff_t e, std::size_t s) const {
        return data.data() + e * element + static_cast<std::ptrdiff_t>(s) * sample;
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
    bool right = false;
    [[nodiscard]] std::size_t padded() const;
    // `value(element, k, sample)`, elements as `inner` counts them; zeros in the rest of `outer`.
    template <class Real, class Value>
    PerSample<Real> make(const plan::Box& inner, const plan::Box& outer, std::size_t width, const Value& value) const;
};

template <class Real> struct TileSide {
    const State<Real>* state = nullptr;
    TileBoxes boxes;
    TileLayout layout;
    std::vector<PerSample<Real>> norm, inverse, mean; // by family: sqrt(E[Z^2]), its inverse (0 for 0), E[Z]
    std::vector<PerSample<Real>> coefficients;        // by coefficient array
    std::vector<PerSample<Real>> unit;                // by finite array: x / |x|, coordinates `coordinate` apart
    std::vector<PerSample<Real>> length;              // by finite array: |x| / sqrt(d)
    std::size_t coordinate = 1;
};

template <class Real> TileSide<Real> tile_side(const State<Real>& state, bool right, TileBoxes boxes);

// --- implementation

template <class Real, class Value>
PerSample<Real> TileLayout::make(const plan::Box& inner, const plan::Box& outer, std::size_t width,
                                 const Value& value) const {
    const auto elements = static_cast<std::size_t>(outer.count());
    PerSample<Real> result;
    result.data.assign(elements * width * padded(), Real(0));
    result.element = static_cast<std::ptrdiff_t>(right ? width * padded() : width);
    result.sample = static_cast<std::ptrdiff_t>(right ? 1 : elements * width);
    Indices index(inner.lower.begin(), inner.lower.end());
    const auto count = static_cast<std::size_t>(inner.count());
    for (std::size_t e = 0; e < count; ++e) {
        const std::size_t to = offset_in(outer, index);
        for (std::size_t k = 0; k < width; ++k)
            for (std::size_t s = 0; s < samples; ++s)
                result.data[right ? (to * width + k) * padded() + s : (s * elements + to) * width + k] = value(e, k, s);
        for (std::size_t d = index.size(); d-- > 0;) { // the next element, row-major
            if (++index[d] < inner.lower[d] + inner.size[d])
                break;
            index[d] = inner.lower[d];
        }
    }
    return result;
}

} // namespace tpc::execute
