// A file as tokens and comments, for tools that keep what the user wrote: formatting.
#pragma once

#include <string_view>
#include <vector>

namespace tpc::grammar {

enum class TokenKind { name, keyword, number, path, symbol, comment };

struct Lexeme {
    TokenKind kind = TokenKind::symbol;
    std::string_view text; // of a comment: from its # to the end of the line, without blanks there
    unsigned breaks = 0;   // newlines in front of it
};

// The tokens of a text that parses. A byte order mark is left out.
std::vector<Lexeme> tokens(std::string_view text);

} // namespace tpc::grammar
