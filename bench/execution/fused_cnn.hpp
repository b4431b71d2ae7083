// The tangent kernel of a pooled (or flattened) relu CNN written by hand, to measure the machine and the compiler against.
#pragma once

#include <cstddef>
#include <vector>

namespace tpc::bench {

struct Images {
    std::size_t samples = 0, rows = 0, cols = 0, channels = 0;
};

// 3 x 3 convolutions of variance 2 / 9, zeros beyond the borders, `layers` of them, unit rates (examples/cnn_pooled.tp and
// cnn_flatten.tp). x in C order. Each offset of two positions runs through all layers on planes in the first-level cache;
// pooled: all offsets, else none but 0. The sum of the tangent kernels of the pairs (i, j), j >= i.
template <class Real> double fused_relu_cnn(const std::vector<double>& x, const Images& images, int layers, bool pooled);

} // namespace tpc::bench
