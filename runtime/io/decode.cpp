#include "runtime/io/decode.hpp"

#include "runtime/io/header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <stdexcept>

namespace tpc::io {
namespace {

constexpr std::size_t chunk_bytes = 1 << 20; // a multiple of every item size
constexpr std::size_t longest_header = 1 << 20;

// Fills all of `size` bytes unless the stream ends; the number of bytes got, negative on failure.
std::ptrdiff_t read_all(const ByteStream& stream, char* data, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
        const std::ptrdiff_t got = stream.read(data + done, size - done);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        done += static_cast<std::size_t>(got);
    }
    return static_cast<std::ptrdiff_t>(done);
}

template <class T> void append(const char* bytes, std::size_t count, bool swap, std::vector<double>& values) {
    for (std::size_t i = 0; i < count; ++i) {
        std::array<char, sizeof(T)> item;
        std::memcpy(item.data(), bytes + i * sizeof(T), sizeof(T));
        if (swap)
            std::reverse(item.begin(), item.end());
        values.push_back(static_cast<double>(std::bit_cast<T>(item)));
    }
}

void append_items(const Dtype& dtype, const char* bytes, std::size_t count, std::vector<double>& values) {
    const bool swap = dtype.big_endian != (std::endian::native == std::endian::big);
    switch (dtype.kind) {
    case 'f':
        return dtype.size == 4 ? append<float>(bytes, count, swap, values) : append<double>(bytes, count, swap, values);
    case 'i':
        switch (dtype.size) {
        case 1:
            return append<std::int8_t>(bytes, count, swap, values);
        case 2:
            return append<std::int16_t>(bytes, count, swap, values);
        case 4:
            return append<std::int32_t>(bytes, count, swap, values);
        default:
            return append<std::int64_t>(bytes, count, swap, values);
        }
    case 'u':
        switch (dtype.size) {
        case 1:
            return append<std::uint8_t>(bytes, count, swap, values);
        case 2:
            return append<std::uint16_t>(bytes, count, swap, values);
        case 4:
            return append<std::uint32_t>(bytes, count, swap, values);
        default:
            return append<std::uint64_t>(bytes, count, swap, values);
        }
    default: // bool: any nonzero byte is true
        for (std::size_t i = 0; i < count; ++i)
            values.push_back(bytes[i] != 0 ? 1 : 0);
    }
}

// Fortran order (first index fastest) to C order.
std::vector<double> to_c_order(const std::vector<std::size_t>& shape, const std::vector<double>& fortran) {
    std::vector<std::size_t> stride(shape.size()), index(shape.size());
    std::size_t product = 1;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        stride[axis] = product;
        product *= shape[axis];
    }
    std::vector<double> values(fortran.size());
    std::size_t from = 0;
    for (double& value : values) {
        value = fortran[from];
        for (std::size_t axis = shape.size(); axis-- > 0;) {
            from += stride[axis];
            if (++index[axis] < shape[axis])
                break;
            from -= stride[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    return values;
}

Result<std::string> read_dictionary(const ByteStream& stream, const std::string& name, std::uint64_t& consumed) {
    const auto failed = [&](std::ptrdiff_t got, const char* text) {
        return Error{fmt::format("{}: {}", name, got < 0 ? stream.problem() : text)};
    };
    std::array<char, 12> start{};
    std::ptrdiff_t got = read_all(stream, start.data(), 8);
    if (got != 8 || std::string_view(start.data(), 6) != npy_magic) {
        const bool zip = got >= 4 && std::string_view(start.data(), 4) == "PK\x03\x04";
        return failed(got, zip ? "this is an .npz archive, not an .npy file" : "not a NumPy file");
    }
    const int version = static_cast<unsigned char>(start[6]);
    if (version < 1 || version > 3)
        return Error{fmt::format("{}: version {} of the NumPy format is not supported (1 to 3 are)", name, version)};
    const std::size_t length_bytes = version == 1 ? 2 : 4;
    got = read_all(stream, start.data() + 8, length_bytes);
    if (got != static_cast<std::ptrdiff_t>(length_bytes))
        return failed(got, "truncated NumPy header");
    std::size_t length = 0;
    for (std::size_t byte = length_bytes; byte-- > 0;)
        length = length << 8 | static_cast<unsigned char>(start[8 + byte]);
    if (length > longest_header)
        return Error{fmt::format("{}: damaged NumPy header", name)};
    std::string dictionary(length, '\0');
    got = read_all(stream, dictionary.data(), length);
    if (got != static_cast<std::ptrdiff_t>(length))
        return failed(got, "truncated NumPy header");
    consumed = 8 + length_bytes + length;
    return dictionary;
}

Result<Array> decode(const ByteStream& stream, const std::string& name, Numbers numbers) {
    std::uint64_t consumed = 0;
    const auto dictionary = read_dictionary(stream, name, consumed);
    if (!dictionary)
        return dictionary.error();
    auto header = parse_header(*dictionary);
    if (!header)
        return Error{fmt::format("{}: {}", name, header.error().text)};

    const std::size_t item = header->dtype.size;
    const std::uint64_t bytes = header->count * item;
    const auto truncated = [&](std::uint64_t have) {
        return Error{fmt::format("{}: truncated: shape {} needs {} bytes of data, the file has {}", name,
                                 show_shape(header->shape), bytes, have)};
    };
    const auto excess = [&] {
        return Error{fmt::format("{}: has more data than its shape {} needs", name, show_shape(header->shape))};
    };
    if (stream.size && *stream.size >= consumed) {
        if (*stream.size - consumed < bytes)
            return truncated(*stream.size - consumed);
        if (*stream.size - consumed > bytes)
            return excess();
    }

    Array array;
    array.values.reserve(std::min<std::uint64_t>(header->count, stream.plausible / item));
    std::vector<char> chunk(std::clamp<std::uint64_t>(bytes, 1, chunk_bytes));
    for (std::uint64_t done = 0; done < bytes;) {
        const std::size_t want = std::min<std::uint64_t>(chunk.size(), bytes - done);
        const std::ptrdiff_t got = read_all(stream, chunk.data(), want);
        if (got < 0)
            return Error{fmt::format("{}: {}", name, stream.problem())};
        if (static_cast<std::size_t>(got) < want)
            return truncated(done + static_cast<std::uint64_t>(got));
        append_items(header->dtype, chunk.data(), want / item, array.values);
        done += want;
    }
    // The end must be seen: archives verify their checksums there.
    const std::ptrdiff_t beyond = read_all(stream, chunk.data(), 1);
    if (beyond < 0)
        return Error{fmt::format("{}: {}", name, stream.problem())};
    if (beyond > 0)
        return excess();

    array.shape = std::move(header->shape);
    if (header->fortran_order && array.shape.size() > 1)
        array.values = to_c_order(array.shape, array.values);
    array.integers = header->dtype.kind == 'i' || header->dtype.kind == 'u';
    if (numbers == Numbers::finite)
        if (const auto bad = find_not_finite(array.shape, array.values))
            return Error{fmt::format("{}: {}", name, *bad)};
    return array;
}

} // namespace

Result<Array> decode_npy(const ByteStream& stream, const std::string& name, Numbers numbers) {
    try {
        return decode(stream, name, numbers);
    } catch (const std::bad_alloc&) {
    } catch (const std::length_error&) {
    }
    return Error{fmt::format("{}: not enough memory for the array", name)};
}

} // namespace tpc::io
