// The pass before the grammar: characters, brackets, numbers, and which newlines count.
#pragma once

#include "compiler/source/diagnostic.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tpc::grammar {

// The text as the grammar reads it, byte for byte as long as the original, so that positions stay. Blanked are: comments,
// insides of paths, newlines that do not end a statement, and whatever has been reported already. A byte above 0x7F is
// part of a letter.
struct Text {
    std::string text;
    std::vector<std::uint32_t> reported; // where this pass found errors, ascending
    bool too_deep = false;               // nothing may descend into this text
};

Text prepare(std::string_view source, std::uint32_t file, source::Diagnostics& diagnostics);

} // namespace tpc::grammar
