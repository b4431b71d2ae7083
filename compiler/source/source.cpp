#include "compiler/source/source.hpp"

#include "compiler/source/utf8.hpp"

#include <algorithm>

namespace tpc::source {

namespace {

std::size_t line_begin(std::string_view text, std::size_t offset) {
    if (offset == 0)
        return 0;
    const std::size_t newline = text.rfind('\n', offset - 1);
    return newline == std::string_view::npos ? 0 : newline + 1;
}

} // namespace

Position position_of(const File& file, std::uint32_t offset) {
    return PositionFinder()(file, offset);
}

Position PositionFinder::operator()(const File& file, std::uint32_t offset) {
    const std::string_view text = file.text;
    const std::size_t end = std::min<std::size_t>(offset, text.size());
    if (file_ != &file || end < at_) {
        file_ = &file;
        at_ = 0;
        position_ = {};
    }
    if (const std::size_t begin = line_begin(text, end); begin > at_) {
        position_.line += static_cast<std::uint32_t>(std::count(text.begin() + at_, text.begin() + begin, '\n'));
        position_.column = 1;
        at_ = begin;
    }
    while (at_ < end) {
        const Character character = decode(text, at_);
        if (at_ + character.length > end)
            break;
        const bool mark = at_ == 0 && character.code == 0xFEFF; // a byte order mark takes no column
        at_ += character.length;
        position_.column += mark ? 0 : 1;
    }
    return position_;
}

std::string_view line_at(const File& file, std::uint32_t offset) {
    const std::string_view text = file.text;
    const std::size_t begin = line_begin(text, std::min<std::size_t>(offset, text.size()));
    std::string_view line = text.substr(begin, text.find('\n', begin) - begin);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

std::string_view text_of(const Files& files, Span span) {
    if (span.file >= files.files.size() || span.begin > span.end)
        return {};
    const std::string_view text = files.files[span.file].text;
    return span.begin > text.size() ? std::string_view{} : text.substr(span.begin, span.end - span.begin);
}

} // namespace tpc::source
