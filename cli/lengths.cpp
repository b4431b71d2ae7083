#include "cli/lengths.hpp"

#include "cli/bind.hpp"
#include "cli/session.hpp"

#include <algorithm>

namespace tpc::cli {
namespace {

std::vector<std::int64_t> lengths_of(const std::string& axis, const Bound& bound) {
    const io::Array& array = bound.array;
    if (array.shape.size() != 1)
        throw Failure{data_error, fmt::format("{}: shape {}: lengths are one integer a sample", bound.path,
                                              io::show_shape(array.shape))};
    if (!array.integers)
        throw Failure{data_error, fmt::format("{}: lengths are integers, and this array is of another type", bound.path)};
    std::vector<std::int64_t> values;
    for (std::size_t k = 0; k < array.values.size(); ++k) {
        if (array.values[k] < 1)
            throw Failure{data_error, fmt::format("{}: the size {} of {} in sample {} (counted from 0) is not positive",
                                                  bound.path, array.values[k], axis, k)};
        constexpr double huge = 1e15; // no array is as long
        values.push_back(static_cast<std::int64_t>(std::min(array.values[k], huge)));
    }
    return values;
}

} // namespace

std::vector<Lengths> read_lengths(const ir::Program& program, const std::vector<std::string>& files,
                                  const std::string& option) {
    Slots slots{option, "axis", {}};
    std::vector<ir::Symbol> axes;
    for (const ir::Input& input : program.inputs)
        for (const ir::Affine& size : input.axes)
            for (const auto& [symbol, coefficient] : size.terms)
                if (std::ranges::find(axes, symbol) == axes.end()) {
                    axes.push_back(symbol);
                    slots.list.push_back({program.info(symbol).name, std::nullopt, {}});
                }
    const auto bound = bind_files(slots, files);
    std::vector<Lengths> result;
    for (std::size_t k = 0; k < bound.size(); ++k)
        if (bound[k])
            result.push_back({axes[k], bound[k]->path, lengths_of(slots.list[k].name, *bound[k])});
    return result;
}

} // namespace tpc::cli
