#include "runtime/io/encode.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <new>
#include <numeric>

namespace tpc::io {

static_assert(std::endian::native == std::endian::little, "values are written as they lie in memory");

Result<Encoded> encode(const Array& array, Precision precision) {
    const std::size_t count = std::accumulate(array.shape.begin(), array.shape.end(), std::size_t{1}, std::multiplies<>());
    if (count != array.values.size())
        return Error{fmt::format("shape {} does not fit {} values", show_shape(array.shape), array.values.size())};
    Encoded encoded;
    if (precision == Precision::f64) {
        encoded.data = array.values.data();
        encoded.size = count * sizeof(double);
        return encoded;
    }
    try {
        encoded.single.reserve(count);
    } catch (const std::bad_alloc&) {
        return Error{"not enough memory for the array"};
    }
    for (std::size_t i = 0; i < count; ++i) {
        const double value = array.values[i];
        if (std::isfinite(value) && std::abs(value) > std::numeric_limits<float>::max())
            return Error{fmt::format("{:g} at {} is beyond the range of float32", value, show_index(array.shape, i))};
        encoded.single.push_back(static_cast<float>(value));
    }
    encoded.data = encoded.single.data(); // a move of the vector keeps its storage
    encoded.size = count * sizeof(float);
    return encoded;
}

} // namespace tpc::io
