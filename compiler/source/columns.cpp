#include "compiler/source/columns.hpp"

#include "compiler/source/utf8.hpp"

namespace tpc::source {

std::string in_columns(std::string text, std::string_view right, std::size_t column, std::size_t gap) {
    if (!right.empty()) {
        const std::size_t width = characters(text);
        text.append(width + gap <= column ? column - width : gap, ' ');
        text += right;
    }
    return text + "\n";
}

} // namespace tpc::source
