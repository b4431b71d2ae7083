// Lanes: one sample's side of each, and where the entries of a part live.
#pragma once

#include "runtime/gaussian/dual.hpp"
#include "runtime/samples/state.hpp"

namespace tpc::execute {

template <class Real> using Lanes = gaussian::Lanes<Real>;

// One sample's side of the lanes: sample `first + lane * step` of a state, step 0 (one sample for all lanes) or 1.
template <class Real> struct Side {
    const State<Real>* state = nullptr;
    std::size_t first = 0;
    std::size_t step = 1;
    [[nodiscard]] Lanes<Real> at(const Real* array) const { return {array + first, step}; }
};

// Where the entries of a part live: [entry][lane]; entry e, lane l at (e * stride + shift + l).
template <class Real> struct Store {
    Real* minus = nullptr;
    Real* plus = nullptr;
    Real* tangent = nullptr; // null: no tangents
    Real* adjoint = nullptr; // D, when it runs backward
    std::size_t stride = 0;
    std::size_t shift = 0;
    [[nodiscard]] std::size_t at(std::size_t entry) const { return entry * stride + shift; }
};

} // namespace tpc::execute
