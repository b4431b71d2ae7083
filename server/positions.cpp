#include "server/positions.hpp"

#include "compiler/source/utf8.hpp"

#include <algorithm>

namespace tpc::server {
namespace {

std::size_t units(char32_t code) {
    return code > 0xFFFF ? 2 : 1;
}

} // namespace

std::size_t offset_of(std::string_view text, const Json& position) {
    auto line = position.at("line").get<std::int64_t>();
    auto character = position.at("character").get<std::int64_t>();
    std::size_t at = 0;
    for (; line > 0; --line) {
        const std::size_t newline = text.find('\n', at);
        if (newline == std::string_view::npos)
            return text.size();
        at = newline + 1;
    }
    while (character > 0 && at < text.size() && text[at] != '\n' && text.substr(at, 2) != "\r\n") {
        const source::Character next = source::decode(text, at);
        character -= static_cast<std::int64_t>(units(next.code));
        at += next.length;
    }
    return at;
}

Json position_of(std::string_view text, std::size_t offset) {
    offset = std::min(offset, text.size());
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
    const std::size_t newline = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
    std::size_t character = 0;
    for (std::size_t at = newline == std::string_view::npos ? 0 : newline + 1; at < offset;) {
        const source::Character next = source::decode(text, at);
        character += units(next.code);
        at += next.length;
    }
    return {{"line", line}, {"character", character}};
}

Json range_of(std::string_view text, std::size_t begin, std::size_t end) {
    return {{"start", position_of(text, begin)}, {"end", position_of(text, std::max(begin, end))}};
}

void apply_change(std::string& text, const Json& change) {
    const std::string fresh = change.at("text").get<std::string>();
    if (!change.contains("range") || change["range"].is_null()) {
        text = fresh;
        return;
    }
    const std::size_t begin = offset_of(text, change["range"].at("start"));
    const std::size_t end = std::max(begin, offset_of(text, change["range"].at("end")));
    text.replace(begin, end - begin, fresh);
}

} // namespace tpc::server
