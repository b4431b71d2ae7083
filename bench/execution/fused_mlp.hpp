// The yardstick for a ReLU MLP: one loop over pairs, all layers in registers, written by hand for this network alone.
#pragma once

#include <cstddef>
#include <vector>

namespace tpc::bench {

// The sum of all entries (i <= j) of the tangent kernel of relu layers of weight variance 2 / n on samples x of length d,
// unit learning rates, zero biases.
template <class Real> double fused_relu_mlp(const std::vector<double>& x, std::size_t samples, std::size_t d, int layers);

} // namespace tpc::bench
