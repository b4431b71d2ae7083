// The numbers of an array as the bytes of an .npy file.
#pragma once

#include "runtime/io/array.hpp"
#include "runtime/io/result.hpp"

#include <cstddef>
#include <vector>

namespace tpc::io {

struct Encoded {
    const void* data = nullptr; // the array's own values, or those of `single`
    std::size_t size = 0;
    std::vector<float> single;
};

// The array must outlive the result. Errors (without a file name): shape and values disagree, a finite number beyond
// float32.
Result<Encoded> encode(const Array& array, Precision precision);

} // namespace tpc::io
