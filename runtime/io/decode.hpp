// The body of an .npy file, from wherever its bytes come.
#pragma once

#include "runtime/io/array.hpp"
#include "runtime/io/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace tpc::io {

struct ByteStream {
    // Up to `size` bytes; 0 at the end, negative on failure (then `problem` says which).
    std::function<std::ptrdiff_t(char* data, std::size_t size)> read;
    std::function<std::string()> problem;
    std::optional<std::uint64_t> size; // of all, where it is told
    std::uint64_t plausible = 0;       // no more than this is allocated before the bytes have come
};

// Reads one array, in any layout, to the end of the stream. Integers beyond 2^53 are rounded to the nearest double.
// `name` opens the line of every error. Refused: what is not a whole .npy file or holds NaN or infinite numbers
// where those are not taken.
Result<Array> decode_npy(const ByteStream& stream, const std::string& name, Numbers numbers = Numbers::finite);

} // namespace tpc::io
