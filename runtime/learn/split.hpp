// Fixed partitions of samples into training and test sets: the same on every machine.
#pragma once

#include <Eigen/Core>

#include <cstdint>
#include <vector>

namespace tpc::learn {

// Both ascending, disjoint, together 0..samples-1. Index kernels with them: K(split.train, split.train), K(split.test,
// split.train).
struct Split {
    std::vector<Eigen::Index> train, test;
};

// Samples period-1, 2 period-1, ... are the test set; period >= 1.
Split split_every(Eigen::Index samples, Eigen::Index period);

// `tests` <= samples of them, drawn without replacement (Fisher-Yates, 64-bit Mersenne twister).
Split split_random(Eigen::Index samples, Eigen::Index tests, std::uint64_t seed);

} // namespace tpc::learn
