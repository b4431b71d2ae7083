#include "runtime/io/array.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

std::optional<std::string> find_not_finite(std::span<const std::size_t> shape, std::span<const double> values,
                                           std::size_t first) {
    const auto bad = std::ranges::find_if_not(values, [](double value) { return std::isfinite(value); });
    if (bad == values.end())
        return std::nullopt;
    return fmt::format("{} at {}", std::isnan(*bad) ? "NaN" : "infinite number",
                       show_index(shape, first + static_cast<std::size_t>(bad - values.begin())));
}

} // namespace tpc::io
