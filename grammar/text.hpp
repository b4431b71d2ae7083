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

// The length of the name (letters, digits, _) or of the number at the head of a prepared text; 0 where there is none.
std::size_t name_length(std::string_view text);
std::size_t number_length(std::string_view text);

// The operator or bracket there.
std::string_view symbol_at(std::string_view text);

bool is_keyword(std::string_view word);

// Those that a statement may begin with.
std::vector<std::string> statement_keywords();

} // namespace tpc::grammar
