#include "grammar/words.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace tpc::fuzz {
namespace {

constexpr std::array words{
    "program", "input", "matrix", "vector", "scalar", "output", "for",    "in",    "if",
    "else",    "fn",    "block",  "use",    "as",     "return", "frozen", "rate",  "import",
    "true",    "N",     "R",      "n",      "int",    "zero",   "wrap",   "clamp", "relu",
    "where",   "avg",   "sum",    "mean",   "max",    "sqrt",   "exp",    "(",     ")",
    "[",       "]",     "{",      "}",      "'",      "@",      "*",      "/",     "+",
    "-",       "^",     "=",      "==",     "<",      "..",     ":",      ",",     ";",
    "~",       "|",     "\n",     "0",      "1",      "-1",     "0.5",    "1e9",   "99999999999999999999",
    "1e308",   "σ",     "x",      "\"a\"",  "#",      "\xff",
};

std::vector<std::string> tokens_of(std::string_view text) {
    std::vector<std::string> tokens;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view rest = text.substr(at);
        const std::size_t length = std::max({grammar::name_length(rest), grammar::number_length(rest), std::size_t{1}});
        tokens.emplace_back(rest.substr(0, length));
        at += length;
    }
    return tokens;
}

// A few changes of a sequence; `made` gives a new element.
template <class Sequence, class Make> void change(Sequence& list, std::mt19937_64& random, const Make& made) {
    const auto any = [&] { return list.empty() ? std::size_t{0} : random() % list.size(); };
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
        const std::size_t at = any();
        const auto place = list.begin() + static_cast<std::ptrdiff_t>(at);
        switch (list.empty() ? 0 : random() % 6) {
        case 0:
            list.insert(place, made());
            break;
        case 1:
            *place = made();
            break;
        case 2:
            list.erase(place);
            break;
        case 3:
            std::swap(*place, list[any()]);
            break;
        case 4:
            *place = list[any()];
            break;
        default: { // a piece again, somewhere else
            const std::size_t length = std::min<std::size_t>(list.size() - at, 1 + random() % 12);
            const Sequence piece(place, place + static_cast<std::ptrdiff_t>(length));
            list.insert(list.begin() + static_cast<std::ptrdiff_t>(any()), piece.begin(), piece.end());
        }
        }
    }
}

} // namespace

std::string mutated_text(std::string_view text, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::string> tokens = tokens_of(text);
    change(tokens, random, [&] { return std::string(words[random() % words.size()]); });
    std::string made;
    for (const std::string& token : tokens)
        made += token;
    return made;
}

std::string mutated_bytes(std::string_view bytes, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string made(bytes);
    change(made, random, [&] { return static_cast<char>(random()); });
    return made;
}

} // namespace tpc::fuzz
