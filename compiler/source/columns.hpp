// Lines of two columns: what is printed of a stage, and what it holds for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tpc::source {

// A line: `text` and, from this column of characters on but at least `gap` after the text, `right`, where there is one.
std::string in_columns(std::string text, std::string_view right, std::size_t column, std::size_t gap = 2);

} // namespace tpc::source
