// Dense arrays as they come from and go to files.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace tpc::io {

// values.size() == the product of shape; C order (last index fastest). An empty shape is a scalar: one value.
struct Array {
    std::vector<std::size_t> shape;
    std::vector<double> values;
};

// An array of an .npz file, named without the suffix ".npy".
struct Member {
    std::string name;
    Array array;
};

// What numbers are stored as.
enum class Precision { f64, f32 };

// "(3, 4)", "(3,)", "()" as NumPy shows shapes; indices "[2, 0]" likewise.
std::string show_shape(std::span<const std::size_t> shape);
std::string show_index(std::span<const std::size_t> shape, std::size_t flat);

} // namespace tpc::io
