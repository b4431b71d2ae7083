#include "grammar/words.hpp"

#include <algorithm>
#include <array>

namespace tpc::grammar {
namespace {

constexpr std::array keywords = {"program", "input",  "matrix", "vector", "scalar", "output", "for",
                                 "in",      "if",     "else",   "fn",     "block",  "use",    "as",
                                 "return",  "frozen", "rate",   "import", "true",   "false"};
constexpr std::array openers = {"program", "input", "matrix", "vector", "scalar", "output", "for",
                                "if",      "fn",    "block",  "use",    "return", "frozen", "import"};

} // namespace

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

std::size_t name_length(std::string_view text) {
    if (text.empty() || !is_letter(text[0]))
        return 0;
    std::size_t k = 1;
    while (k < text.size() && (is_letter(text[k]) || is_digit(text[k])))
        ++k;
    return k;
}

std::size_t number_length(std::string_view text) {
    const auto at = [&](std::size_t k) { return k < text.size() ? text[k] : '\0'; };
    std::size_t k = 0;
    while (is_digit(at(k)))
        ++k;
    if (k == 0)
        return 0;
    if (at(k) == '.' && is_digit(at(k + 1)))
        for (++k; is_digit(at(k));)
            ++k;
    if (at(k) == 'e' || at(k) == 'E') {
        const std::size_t digits = k + (at(k + 1) == '+' || at(k + 1) == '-' ? 2 : 1);
        if (is_digit(at(digits)))
            for (k = digits; is_digit(at(k));)
                ++k;
    }
    return k;
}

std::string_view symbol_at(std::string_view text) {
    for (const std::string_view two : {"==", "!=", "<=", ">=", ".."})
        if (text.starts_with(two))
            return text.substr(0, 2);
    return text.substr(0, 1);
}

bool is_keyword(std::string_view word) {
    return std::ranges::find(keywords, word) != keywords.end();
}

bool opens_statement(std::string_view word) {
    return std::ranges::find(openers, word) != openers.end();
}

std::vector<std::string> statement_keywords() {
    return {openers.begin(), openers.end()};
}

} // namespace tpc::grammar
