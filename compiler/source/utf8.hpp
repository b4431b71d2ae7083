// Decoding of UTF-8, tolerant of broken text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tpc::source {

struct Character {
    char32_t code = 0;
    std::uint32_t length = 1; // in bytes
    bool valid = true;        // a broken sequence gives its first byte alone
};

// The character at `offset` (which must lie inside the text). Overlong forms and surrogates are not valid.
Character decode(std::string_view text, std::size_t offset);

std::u32string decode_all(std::string_view text);

// How many characters; of broken text all bytes but those that would continue one.
std::size_t characters(std::string_view text);

} // namespace tpc::source
