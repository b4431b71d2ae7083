#include "grammar/tokens.hpp"

#include "grammar/words.hpp"

#include <algorithm>
#include <utility>

namespace tpc::grammar {

namespace {

Lexeme comment(std::string_view rest) {
    rest = rest.substr(0, rest.find('\n'));
    while (is_blank(rest.back()))
        rest.remove_suffix(1);
    return {TokenKind::comment, rest};
}

Lexeme next(std::string_view rest) {
    if (rest.front() == '#')
        return comment(rest);
    if (rest.front() == '"')
        return {TokenKind::path, rest.substr(0, std::min(rest.find('"', 1), rest.size() - 1) + 1)};
    if (const std::size_t length = name_length(rest); length > 0) {
        const std::string_view word = rest.substr(0, length);
        return {is_keyword(word) ? TokenKind::keyword : TokenKind::name, word};
    }
    if (const std::size_t length = number_length(rest); length > 0)
        return {TokenKind::number, rest.substr(0, length)};
    return {TokenKind::symbol, symbol_at(rest)};
}

} // namespace

std::vector<Lexeme> tokens(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF"))
        text.remove_prefix(3);
    std::vector<Lexeme> made;
    unsigned breaks = 0;
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == '\n' || is_blank(text[at])) {
            breaks += text[at] == '\n' ? 1 : 0;
            ++at;
            continue;
        }
        made.push_back(next(text.substr(at)));
        made.back().breaks = std::exchange(breaks, 0);
        at += made.back().text.size();
    }
    return made;
}

} // namespace tpc::grammar
