#include "runtime/io/header.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <optional>

namespace tpc::io {
namespace {

constexpr std::size_t most_axes = 64; // NumPy's own limit

// The few Python literals that a header holds.
struct Reader {
    std::string_view rest;

    void spaces() {
        while (!rest.empty() &&
               (rest.front() == ' ' || rest.front() == '\n' || rest.front() == '\t' || rest.front() == '\r'))
            rest.remove_prefix(1);
    }
    bool take(std::string_view token) {
        spaces();
        if (!rest.starts_with(token))
            return false;
        rest.remove_prefix(token.size());
        return true;
    }
    bool at(char c) {
        spaces();
        return !rest.empty() && rest.front() == c;
    }
    std::optional<std::string_view> string() {
        spaces();
        if (rest.empty() || (rest.front() != '\'' && rest.front() != '"'))
            return std::nullopt;
        const std::size_t end = rest.find(rest.front(), 1);
        if (end == std::string_view::npos)
            return std::nullopt;
        const std::string_view text = rest.substr(1, end - 1);
        rest.remove_prefix(end + 1);
        return text;
    }
    std::optional<bool> boolean() {
        if (take("True"))
            return true;
        if (take("False"))
            return false;
        return std::nullopt;
    }
    std::optional<std::size_t> number() {
        spaces();
        std::size_t value = 0;
        const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
        if (problem != std::errc{})
            return std::nullopt;
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        take("L"); // Python 2 wrote (3L, 4L)
        return value;
    }
    std::optional<std::vector<std::size_t>> tuple() {
        if (!take("("))
            return std::nullopt;
        std::vector<std::size_t> values;
        while (!take(")")) {
            const auto value = number();
            if (!value || values.size() == most_axes)
                return std::nullopt;
            values.push_back(*value);
            if (!take(",") && !at(')'))
                return std::nullopt;
        }
        return values;
    }
};

std::optional<Dtype> parse_dtype(std::string_view text) {
    Dtype dtype;
    if (text.starts_with('>'))
        dtype.big_endian = true;
    if (!text.empty() && std::string_view("<>|=").find(text.front()) != std::string_view::npos)
        text.remove_prefix(1);
    if (text == "?")
        text = "b1";
    if (text.size() != 2)
        return std::nullopt;
    dtype.kind = text[0];
    dtype.size = static_cast<std::size_t>(text[1] - '0');
    const bool known = (dtype.kind == 'f' && (dtype.size == 4 || dtype.size == 8)) ||
                       (dtype.kind == 'b' && dtype.size == 1) ||
                       ((dtype.kind == 'i' || dtype.kind == 'u') &&
                        (dtype.size == 1 || dtype.size == 2 || dtype.size == 4 || dtype.size == 8));
    return known ? std::optional(dtype) : std::nullopt;
}

// Product of the axes; none where the array in double precision would not fit the address space.
std::optional<std::size_t> count_of(const std::vector<std::size_t>& shape) {
    for (const std::size_t size : shape)
        if (size == 0)
            return 0;
    constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / sizeof(double);
    std::size_t count = 1;
    for (const std::size_t size : shape) {
        if (count > most / size)
            return std::nullopt;
        count *= size;
    }
    return count;
}

} // namespace

Result<Header> parse_header(std::string_view dictionary) {
    const Error broken{"damaged NumPy header"};
    Reader reader{dictionary};
    std::optional<std::string_view> dtype;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::size_t>> shape;
    if (!reader.take("{"))
        return broken;
    while (!reader.take("}")) {
        const auto key = reader.string();
        if (!key || !reader.take(":"))
            return broken;
        bool read = false;
        if (*key == "descr" && !dtype) {
            if (reader.at('['))
                return Error{"arrays of records are not supported"};
            read = (dtype = reader.string()).has_value();
        } else if (*key == "fortran_order" && !fortran_order) {
            read = (fortran_order = reader.boolean()).has_value();
        } else if (*key == "shape" && !shape) {
            read = (shape = reader.tuple()).has_value();
        }
        if (!read || (!reader.take(",") && !reader.at('}')))
            return broken;
    }
    reader.spaces();
    if (!reader.rest.empty() || !dtype || !fortran_order || !shape)
        return broken;

    Header header;
    const auto parsed = parse_dtype(*dtype);
    if (!parsed)
        return Error{fmt::format("dtype '{}' is not supported (float32, float64, integers and bool are)", *dtype)};
    header.dtype = *parsed;
    header.fortran_order = *fortran_order;
    header.shape = std::move(*shape);
    const auto count = count_of(header.shape);
    if (!count)
        return Error{fmt::format("impossibly large shape {}", show_shape(header.shape))};
    header.count = *count;
    return header;
}

std::string format_header(const std::vector<std::size_t>& shape, Precision precision) {
    std::string dictionary = fmt::format("{{'descr': '<f{}', 'fortran_order': False, 'shape': {}, }}",
                                         precision == Precision::f64 ? 8 : 4, show_shape(shape));
    const auto padded = [&](std::size_t prefix) { return (prefix + dictionary.size() + 1 + 63) / 64 * 64 - prefix; };
    const bool is_long = padded(10) > 0xffff;
    const std::size_t prefix = is_long ? 12 : 10;
    const std::size_t length = padded(prefix);
    dictionary.append(length - 1 - dictionary.size(), ' ');
    dictionary += '\n';

    std::string header(npy_magic);
    header += is_long ? '\2' : '\1';
    header += '\0';
    for (std::size_t byte = 0; byte < (is_long ? 4U : 2U); ++byte)
        header += static_cast<char>((length >> (8 * byte)) & 0xff);
    return header + dictionary;
}

} // namespace tpc::io
