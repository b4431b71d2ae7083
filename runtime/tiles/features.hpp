// The dual kernels of a part, and what they need of each sample, laid out for rows.
#pragma once

#include "runtime/tiles/program.hpp"

namespace tpc::execute {

template <class Real>
TileDual<Real> tile_dual(const plan::EntryRead& read, const gaussian::Dual<Real>& method, const State<Real>& left,
                         const State<Real>& right);

template <class Real>
PerSample<Real> features_of(const TileDual<Real>& dual, const TileSide<Real>& side, std::uint32_t family,
                            const std::vector<Real>& given);
// Those of a series, of both sides, in rows of lane_step; `prepared` must stay.
template <class Real>
std::shared_ptr<const Later<Sides<Real>>> gaps_of(const gaussian::Shape& shape, const TileSide<Real>& left,
                                                  const TileSide<Real>& right, std::uint32_t left_family,
                                                  std::uint32_t right_family, const DualFeatures<Real>& prepared);

// What tiles on C alone read of a series (rows::SeriesNumbers), and how many numbers of it at usual correlations.
template <class Real>
Sides<Real> bare_features_of(const TileDual<Real>& dual, const TileSide<Real>& left, const TileSide<Real>& right,
                             std::uint32_t left_family, std::uint32_t right_family, const DualFeatures<Real>& prepared);
std::size_t bare_numbers(const gaussian::Shape& shape);

} // namespace tpc::execute
