#include "compiler/source/utf8.hpp"

#include <algorithm>

namespace tpc::source {

Character decode(std::string_view text, std::size_t offset) {
    const auto byte = [&](std::size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(offset);
    const Character broken{0xFFFD, 1, false};
    if (lead < 0x80)
        return {static_cast<char32_t>(lead), 1, true};
    const std::uint32_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || offset + length > text.size())
        return broken;
    char32_t code = lead & (0x7FU >> length);
    for (std::uint32_t k = 1; k < length; ++k) {
        if ((byte(offset + k) & 0xC0U) != 0x80U)
            return broken;
        code = code << 6U | (byte(offset + k) & 0x3FU);
    }
    const char32_t smallest = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
    if (code < smallest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return broken;
    return {code, length, true};
}

std::u32string decode_all(std::string_view text) {
    std::u32string result;
    for (std::size_t i = 0; i < text.size();) {
        const Character character = decode(text, i);
        result.push_back(character.code);
        i += character.length;
    }
    return result;
}

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

} // namespace tpc::source
