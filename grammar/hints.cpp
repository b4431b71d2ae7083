#include "grammar/hints.hpp"

#include "grammar/words.hpp"

#include <algorithm>

namespace tpc::grammar {

namespace {

constexpr std::string_view after_value = "an operator or the end of the statement";

struct Opener {
    std::string_view word, hint;
};
constexpr Opener openers[] = {
    {"def", "; did you mean fn?"},        {"function", "; did you mean fn?"},    {"func", "; did you mean fn?"},
    {"weight", "; did you mean matrix?"}, {"bias", "; did you mean vector?"},    {"param", "; did you mean matrix?"},
    {"let", ": write name = value"},      {"var", ": write name = value"},       {"const", ": write name = value"},
    {"while", "; did you mean for?"},     {"include", "; did you mean import?"}, {"print", "; did you mean output?"},
};

// `expected` and `found` are how the message's parts begin; an empty `before` fits everything.
struct Hint {
    std::string_view expected, before, found, hint;
};
constexpr std::string_view one_condition = "; a condition is one comparison: nest one if in another";
constexpr std::string_view one_comparison = "; a condition is one comparison: nest one where in another";
constexpr std::string_view choice = "; a choice is if l == 1 { x = ... } else { x = ... }, or where(a > b, p, q) of values";
constexpr Hint hints[] = {
    {"'{'", "", "and", one_condition},
    {"'{'", "", "or", one_condition},
    {"'{'", "", "&", one_condition},
    {"'{'", "", "|", one_condition},
    {"','", "", ")", "; a law has a mean and a variance, as in N(0, 1)"},
    {"'N'", "", "", "; a law is written N(mean, variance)"},
    {"an expression", "output", "=", "; a named output is output f = ..., an unnamed one output ..."},
    {"'..'", "", "", "; a range has two bounds, as in 1..T"},
    {"'{'", "", "step", "; loops count by one: write 2*t for every second"},
    {"',' or ')'", "", ":", "; a range has a name and two bounds, as in t in 1..T"},
    {"'int'", "", "", "; parameters that are not whole numbers have no type, as in sw = 1.5"},
    {"'='", "", "~", "; what is random begins with matrix, vector or scalar"},
    {"'='", "", ":", "; a definition is name = value"},
    {"'='", "", "{", "; the body of a fn is = and one expression, a block has its body in braces"},
    {after_value, "", "if", choice},
    {"the end of the statement", "", ",", "; one declaration, one line"},
    {"an expression", "output", ":", "; a named output is output f = ..., an unnamed one output ..."},
    {"an expression", "/", "/", "; a comment begins with #"},
    {"'='", "", "+", "; every element is assigned once: give the sum a name of its own"},
    {after_value, "", ".T", "; the transpose of W is W'"},
    {"an expression", "*", "*", "; a power is x^2"},
    {"an expression", "", "if", choice},
    {"',' or ')'", "", "and", one_comparison},
    {"',' or ')'", "", "or", one_comparison},
    {"',' or ')'", "", "&", one_comparison},
    {"',' or ')'", "", "|", one_comparison},
    {"',' or ')'", "", "for", "; the range stands in front, as in sum(t in 1..T: x[t])"},
};

std::string_view trimmed(std::string_view text) {
    const std::size_t end = text.find_last_not_of(" \t");
    return text.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

// As a word, where it is one.
bool starts(std::string_view text, std::string_view with) {
    const std::size_t length = name_length(text);
    return length > 0 && name_length(with) > 0 ? text.substr(0, length) == with : text.starts_with(with);
}

} // namespace

std::string hint_for_opener(std::string_view word) {
    const auto* found = std::ranges::find(openers, word, &Opener::word);
    return found == std::end(openers) ? std::string() : std::string(found->hint);
}

std::string hint_for_syntax(std::string_view expected, std::string_view before, std::string_view rest) {
    before = trimmed(before);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    const auto* found = std::ranges::find_if(hints, [&](const Hint& hint) {
        return hint.expected == expected && before.ends_with(hint.before) && starts(rest, hint.found);
    });
    return found == std::end(hints) ? std::string() : std::string(found->hint);
}

} // namespace tpc::grammar
