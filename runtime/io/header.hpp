// The header of NumPy's .npy format: a Python dictionary after a magic string, format versions 1 to 3.
//
// Our own parser: xtensor's (0.24) accepts neither version 3 nor another order of the keys, does not swap big-endian
// numbers, throws, and allocates what the header says before it has seen that the file holds as much.
#pragma once

#include "runtime/io/array.hpp"
#include "runtime/io/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tpc::io {

inline constexpr std::string_view npy_magic = "\x93NUMPY";

struct Dtype {
    char kind = 'f'; // f: float, i: signed, u: unsigned, b: bool
    std::size_t size = 8;
    bool big_endian = false;
};

struct Header {
    Dtype dtype;
    bool fortran_order = false;
    std::vector<std::size_t> shape;
    std::size_t count = 1; // product of shape; count * 8 does not overflow
};

// The dictionary, such as "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }". The error has no file name.
Result<Header> parse_header(std::string_view dictionary);

// Magic, version 1.0 (2.0 where the header is long), length and dictionary, padded to a multiple of 64 bytes; little endian,
// C order.
std::string format_header(const std::vector<std::size_t>& shape, Precision precision);

} // namespace tpc::io
