#include "compiler/emit/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

namespace tpc::emit {
namespace {

constexpr std::size_t width = 116;

const std::set<std::string, std::less<>>& keywords() {
    static const std::set<std::string, std::less<>> list{
        "alignas",     "alignof",   "and",        "and_eq",    "asm",      "auto",         "bitand",
        "bitor",       "bool",      "break",      "case",      "catch",    "char",         "char8_t",
        "char16_t",    "char32_t",  "class",      "compl",     "concept",  "const",        "consteval",
        "constexpr",   "constinit", "const_cast", "continue",  "co_await", "co_return",    "co_yield",
        "decltype",    "default",   "delete",     "do",        "double",   "dynamic_cast", "else",
        "enum",        "explicit",  "export",     "extern",    "false",    "float",        "for",
        "friend",      "goto",      "if",         "inline",    "int",      "long",         "mutable",
        "namespace",   "new",       "noexcept",   "not",       "not_eq",   "nullptr",      "operator",
        "or",          "or_eq",     "private",    "protected", "public",   "register",     "reinterpret_cast",
        "requires",    "return",    "short",      "signed",    "sizeof",   "static",       "static_assert",
        "static_cast", "struct",    "switch",     "template",  "this",     "thread_local", "throw",
        "true",        "try",       "typedef",    "typeid",    "typename", "union",        "unsigned",
        "using",       "virtual",   "void",       "volatile",  "wchar_t",  "while",        "xor",
        "xor_eq",      "std",       "NULL",       "EOF",       "errno",    "assert",       "stdin",
        "stdout",      "stderr",    "unix",       "linux",     "INFINITY", "NAN"};
    return list;
}

// What the emitted functions call their own variables, and what they call.
const std::set<std::string, std::less<>>& locals() {
    static const std::set<std::string, std::less<>> list{"lane",
                                                         "lanes",
                                                         "left",
                                                         "right",
                                                         "at",
                                                         "s",
                                                         "sum",
                                                         "from",
                                                         "to",
                                                         "over",
                                                         "over_right",
                                                         "norm",
                                                         "inner",
                                                         "down",
                                                         "up",
                                                         "value",
                                                         "values",
                                                         "factor",
                                                         "slope",
                                                         "tangent",
                                                         "minus",
                                                         "plus",
                                                         "mean",
                                                         "dual",
                                                         "rho",
                                                         "less",
                                                         "more",
                                                         "k",
                                                         "u",
                                                         "v",
                                                         "x",
                                                         "y",
                                                         "C",
                                                         "add",
                                                         "settle",
                                                         "finish",
                                                         "correlate",
                                                         "homogeneous",
                                                         "piecewise",
                                                         "mehler",
                                                         "beyond",
                                                         "grade",
                                                         "resolve",
                                                         "complete",
                                                         "hermite",
                                                         "quadrature",
                                                         "moment",
                                                         "norm_of",
                                                         "mean_of",
                                                         "inside",
                                                         "wrap",
                                                         "clamp",
                                                         "elementary",
                                                         "reduced",
                                                         "Dual",
                                                         "Gaps",
                                                         "Entry",
                                                         "Value",
                                                         "Row",
                                                         "Series",
                                                         "Piecewise",
                                                         "Correlation",
                                                         "Bend",
                                                         "Side",
                                                         "Pair",
                                                         "Self",
                                                         "Selves",
                                                         "identity",
                                                         "identity_slope",
                                                         "identity_bends"};
    return list;
}

} // namespace

std::string literal(double value) {
    if (std::isnan(value))
        return "std::numeric_limits<double>::quiet_NaN()";
    if (std::isinf(value))
        return value > 0 ? "std::numeric_limits<double>::infinity()" : "-std::numeric_limits<double>::infinity()";
    std::string text = fmt::format("{}", value);
    if (text.find_first_of(".e") == std::string::npos)
        text += ".0";
    return text;
}

std::string product(const std::vector<std::string>& factors) {
    std::string text;
    double number = 1;
    for (const std::string& factor : factors) {
        char* end = nullptr;
        const double value = std::strtod(factor.c_str(), &end);
        if (!factor.empty() && *end == '\0')
            number *= value;
        else
            text += (text.empty() ? "" : " * ") + factor;
    }
    if (text.empty() || number == 0)
        return literal(number);
    return number == 1 ? text : literal(number) + " * " + text;
}

std::string indented(std::string_view text) {
    std::string result;
    int depth = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const bool comment = line.starts_with("//");
        const bool label = line.starts_with("namespace") || line.starts_with("} // namespace");
        if (!comment && line.starts_with('}') && !label)
            --depth;
        if (!line.empty())
            result += std::string(4 * static_cast<std::size_t>(std::max(depth, 0)), ' ');
        result += line;
        result += '\n';
        if (!comment && line.ends_with('{') && !label)
            ++depth;
    }
    return result;
}

std::string commented(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t margin = std::min(line.find_first_not_of(' '), line.size());
        std::string head = "// " + std::string(line.substr(0, margin));
        line.remove_prefix(margin);
        while (head.size() + line.size() > width) {
            const std::size_t room = width - std::min(head.size(), width - 20);
            const std::size_t space = line.rfind(' ', room);
            if (space == std::string_view::npos || space == 0)
                break;
            const std::size_t end_of_word = line.find_last_not_of(' ', space);
            result += head + std::string(line.substr(0, end_of_word + 1)) + "\n";
            line.remove_prefix(line.find_first_not_of(' ', space));
            head = "// " + std::string(margin + 4, ' ');
        }
        // a comment that ended with a backslash would swallow the next line
        std::string whole = head + std::string(line);
        while (whole.ends_with(' ') || whole.ends_with('\\'))
            whole.pop_back();
        result += whole + "\n";
    }
    return result;
}

bool mentions(std::string_view text, std::string_view name) {
    const auto part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        const bool begins = at == 0 || !part(text[at - 1]);
        const bool ends = at + name.size() == text.size() || !part(text[at + name.size()]);
        if (begins && ends)
            return true;
    }
    return false;
}

std::string identifier(std::string_view wanted) {
    std::string text;
    for (const char c : wanted) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 && (std::isalnum(byte) != 0 || (c == '_' && !text.ends_with('_'))))
            text += c;
        else if (byte >= 0x80)
            text += fmt::format("x{:02x}", byte);
    }
    if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) != 0 || text[0] == '_')
        text = "v" + text;
    return keywords().contains(text) ? text + "0" : text;
}

std::string local_identifier(std::string_view wanted) {
    const std::string text = identifier(wanted);
    return locals().contains(text) || text.starts_with("phi") ? text + "0" : text;
}

const std::string& Names::of(const std::string& key, std::string_view wanted) {
    const auto [place, fresh] = names_.try_emplace(key);
    if (!fresh)
        return place->second;
    const std::string base = identifier(wanted);
    std::string name = base;
    for (int k = 2; !taken_.insert(name).second; ++k)
        name = fmt::format("{}{}{}", base, std::isdigit(static_cast<unsigned char>(base.back())) != 0 ? "v" : "", k);
    place->second = name;
    return place->second;
}

} // namespace tpc::emit
