// Dense arrays of doubles: the data that a network reads and the kernels it gives.
#pragma once

#include <cstddef>
#include <vector>

namespace tpc::finite {

// Row-major, the last index fastest.
struct Tensor {
    std::vector<std::size_t> shape;
    std::vector<double> values;
};

// One array of shape (samples, axes...) for each input of the program, in its order.
using Data = std::vector<Tensor>;

} // namespace tpc::finite
