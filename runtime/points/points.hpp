// Randomised quasi-Monte Carlo points: Sobol's sequence (Boost.Random, Joe and Kuo's directions) under Owen's nested uniform
// scrambling, which keeps its evenness and makes every replicate unbiased (Owen 1995; hashed as in Burley 2020).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tpc::joint {

inline constexpr unsigned most_dimensions = 1024;

// Replicates of one seed are numbered from seed * replicates_of_seed on. In place of the last of them: the first
// 2^(log2_count - 2) points of each of the first four.
inline constexpr std::uint32_t replicates_of_seed = 256;
inline constexpr std::uint32_t first_four = replicates_of_seed - 1;

// One coordinate of all points, of row_step of them at least.
template <class Real> using Row = std::vector<Real>;
using NormalRow = Row<double>;

// The first 2^log2_count points of replicate `replicate`, coordinate by coordinate; kept until points of two
// other replicates are asked for. Thread-safe; the same on every machine but for rounding. Throws std::invalid_argument
// above most_dimensions.
template <class Real = double>
std::vector<std::shared_ptr<const Row<Real>>> normal_points(std::size_t dimension, unsigned log2_count,
                                                            std::uint32_t replicate);

// A few points of a replicate of their own, to learn by what a function varies: 2^pilot_log2.
inline constexpr unsigned pilot_log2 = 9;
std::vector<std::shared_ptr<const NormalRow>> pilot_points(std::size_t dimension);

} // namespace tpc::joint
