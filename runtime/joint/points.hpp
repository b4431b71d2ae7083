// Randomised quasi-Monte Carlo points: Sobol's sequence (Boost.Random, Joe and Kuo's directions) under Owen's nested uniform
// scrambling, which keeps its evenness and makes every replicate unbiased (Owen 1995; hashed as in Burley 2020).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace tpc::joint {

inline constexpr unsigned most_dimensions = 1024;

// Standard normal vectors: coordinate d of point i at values[d * count + i].
struct NormalPoints {
    std::size_t dimension = 0, count = 0;
    std::vector<double> values;
};

// The first 2^log2_count points of replicate `replicate`; made once and kept. Thread-safe; the same on every machine.
// Throws std::invalid_argument above most_dimensions.
std::shared_ptr<const NormalPoints> normal_points(std::size_t dimension, unsigned log2_count, std::uint32_t replicate);

} // namespace tpc::joint
