// What a syntax error probably meant: habits from other languages.
#pragma once

#include <string>
#include <string_view>

namespace tpc::grammar {

// What is wanted instead of a word that no statement begins with; empty for any other word.
std::string hint_for_opener(std::string_view word);

// An addition to "expected ... here, found ...", from what was expected, the text before the place and the text that stands
// there; may be empty.
std::string hint_for_syntax(std::string_view expected, std::string_view before, std::string_view rest);

} // namespace tpc::grammar
