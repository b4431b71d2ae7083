// The one layout of a program.
#pragma once

#include <string>
#include <string_view>

namespace tpc::grammar {

// The text of a file that parses, laid out: four spaces a brace, one blank line at most, blanks around operators except in
// indices and bounds, comments behind consecutive lines in one column. Line breaks between statements and inside
// parentheses stay where they are. Formatting twice changes nothing more; the syntax tree stays the same.
std::string format(std::string_view text);

} // namespace tpc::grammar
