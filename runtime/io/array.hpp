// Dense arrays as they come from and go to files.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tpc::io {

// values.size() == the product of shape; C order (last index fastest). An empty shape is a scalar: one value.
struct Array {
    std::vector<std::size_t> shape;
    std::vector<double> values;
    bool integers = false; // the file that it comes from stores integers
};

// An array of an .npz file, named without the suffix ".npy".
struct Member {
    std::string name;
    Array array;
};

// What numbers are stored as.
enum class Precision { f64, f32 };

// Which numbers a reader takes: arrays with parts that nobody reads may hold anything there.
enum class Numbers { finite, any };

// "(3, 4)", "(3,)", "()" as NumPy shows shapes; indices "[2, 0]" likewise.
std::string show_shape(std::span<const std::size_t> shape);
std::string show_index(std::span<const std::size_t> shape, std::size_t flat);

// "NaN at [1, 2]": the first number that is not finite; values are those from the flat index `first` on of an array of this
// shape.
std::optional<std::string> find_not_finite(std::span<const std::size_t> shape, std::span<const double> values,
                                           std::size_t first = 0);

} // namespace tpc::io
