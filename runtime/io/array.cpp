#include "runtime/io/array.hpp"

#include <fmt/format.h>

namespace tpc::io {

std::string show_shape(std::span<const std::size_t> shape) {
    return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

std::string show_index(std::span<const std::size_t> shape, std::size_t flat) {
    std::vector<std::size_t> index(shape.size());
    for (std::size_t axis = shape.size(); axis-- > 0;) {
        index[axis] = flat % shape[axis];
        flat /= shape[axis];
    }
    return fmt::format("[{}]", fmt::join(index, ", "));
}

} // namespace tpc::io
