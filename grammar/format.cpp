#include "grammar/format.hpp"

#include "compiler/source/utf8.hpp"
#include "grammar/tokens.hpp"

#include <algorithm>
#include <utility>

namespace tpc::grammar {

namespace {

constexpr std::size_t tab = 4;

bool is(const Lexeme& token, std::string_view text) {
    return token.kind != TokenKind::comment && token.kind != TokenKind::path && token.text == text;
}
bool is_comment(const Lexeme& token) {
    return token.kind == TokenKind::comment;
}
bool opens(const Lexeme& token) {
    return is(token, "(") || is(token, "[") || is(token, "{");
}
bool closes(const Lexeme& token) {
    return is(token, ")") || is(token, "]") || is(token, "}");
}

// The brackets around a place.
struct Bracket {
    std::size_t indent = 0; // of the line where it opens
    bool braces = false;    // statements
    bool tight = false;     // an index or a bound: no blanks around + - * /
    bool commas = true;     // a blank behind commas
    bool in_bound = false;  // between `in` and what ends the range
};

// Semicolons that end nothing are left out; their line breaks go to what follows.
std::vector<Lexeme> without_idle_semicolons(const std::vector<Lexeme>& all) {
    std::vector<Lexeme> kept;
    std::vector<bool> braces{true};
    unsigned carried = 0;
    for (std::size_t k = 0; k < all.size(); ++k) {
        Lexeme token = all[k];
        if (opens(token))
            braces.push_back(is(token, "{"));
        if (closes(token) && braces.size() > 1)
            braces.pop_back();
        token.breaks = std::max(token.breaks, std::exchange(carried, 0));
        if (is(token, ";") && braces.back()) {
            const bool first =
                kept.empty() || is(kept.back(), "{") || is(kept.back(), ";") || is_comment(kept.back()) || token.breaks > 0;
            const bool last = k + 1 == all.size() || all[k + 1].breaks > 0 || is(all[k + 1], "}") || is(all[k + 1], ";") ||
                              is_comment(all[k + 1]);
            if (first || last) {
                carried = token.breaks;
                continue;
            }
        }
        kept.push_back(token);
    }
    return kept;
}

// Which line breaks stay: none in front of { and else but behind a comment; around the statements of a body that is not on
// one line.
void settle_breaks(std::vector<Lexeme>& all) {
    std::vector<std::size_t> open;
    for (std::size_t k = 0; k < all.size(); ++k) {
        const bool behind_comment = k > 0 && is_comment(all[k - 1]);
        if (k == 0 || ((is(all[k], "{") || is(all[k], "else")) && !behind_comment))
            all[k].breaks = 0;
    }
    for (std::size_t k = 0; k < all.size(); ++k) {
        if (is(all[k], "{"))
            open.push_back(k);
        if (!is(all[k], "}") || open.empty())
            continue;
        const std::size_t first = open.back() + 1;
        open.pop_back();
        const auto broken = [](const Lexeme& token) { return token.breaks > 0; };
        if (first == k || std::none_of(all.begin() + first, all.begin() + k + 1, broken))
            continue;
        all[k].breaks = std::max(all[k].breaks, 1U);
        if (!is_comment(all[first]))
            all[first].breaks = std::max(all[first].breaks, 1U);
    }
    for (std::size_t k = 0; k < all.size(); ++k)
        if (is(all[k], "{") && k + 1 < all.size() && is(all[k + 1], "}"))
            all[k + 1].breaks = 0;
}

bool ends_operand(const Lexeme& token) {
    return token.kind == TokenKind::name || token.kind == TokenKind::number || is(token, ")") || is(token, "]") ||
           is(token, "'") || is(token, "true") || is(token, "false");
}

struct Line {
    std::size_t indent = 0;
    std::string code;
    std::string comment; // behind the code
    bool blank_before = false;
};

class Layout {
  public:
    explicit Layout(std::vector<Lexeme> tokens) : all(std::move(tokens)) {}

    std::vector<Line> run() {
        brackets.push_back({0, true});
        for (k = 0; k < all.size(); ++k) {
            if (k == 0 || all[k].breaks > 0)
                begin_line();
            if (closes(all[k]) && brackets.size() > 1)
                brackets.pop_back();
            place();
            follow();
        }
        return std::move(lines);
    }

  private:
    std::vector<Lexeme> all;
    std::size_t k = 0;
    std::vector<Bracket> brackets;
    std::vector<Line> lines;
    bool in_input = false;
    bool minus_is_sign = false; // of the token in front of the current one

    [[nodiscard]] Bracket& top() { return brackets.back(); }
    [[nodiscard]] bool tight() { return top().tight || top().in_bound; }

    void begin_line() {
        Line line;
        line.indent = top().indent + (brackets.size() > 1 && !closes(all[k]) ? tab : 0);
        line.blank_before = k > 0 && all[k].breaks > 1 && top().braces && !is(all[k], "}") && !is(all[k - 1], "{");
        lines.push_back(std::move(line));
    }

    void place() {
        const Lexeme& token = all[k];
        Line& line = lines.back();
        if (is_comment(token) && !line.code.empty()) {
            line.comment = token.text;
            return;
        }
        if (!line.code.empty() && spaced())
            line.code += ' ';
        line.code += token.text;
    }

    // Whether a blank stands between the token in front and this one.
    bool spaced() {
        const Lexeme &left = all[k - 1], &right = all[k];
        if (is(left, "{") || is(right, "}"))
            return !(is(left, "{") && is(right, "}"));
        if (is(left, "(") || is(left, "[") || is(right, ")") || is(right, "]") || is(right, ",") || is(right, ";") ||
            is(right, "'"))
            return false;
        if (is(left, "-") && minus_is_sign)
            return false;
        if (is(left, ","))
            return top().commas;
        if (is(right, ":"))
            return in_input && top().braces;
        if (is_inverse(k) || is_inverse(k - 1))
            return false;
        for (const std::string_view joint : {"^", ".."})
            if (is(left, joint) || is(right, joint))
                return false;
        if (is(right, "(") || is(right, "["))
            return left.kind != TokenKind::name && !is(left, ")") && !is(left, "]") && !(tight() && is_arithmetic(left));
        const bool sign = is(right, "-") && !behind_operand();
        if (tight() && (is_arithmetic(left) || (is_arithmetic(right) && !sign)))
            return false;
        return true;
    }

    [[nodiscard]] bool behind_operand() const {
        std::size_t before = k;
        while (before > 0 && is_comment(all[before - 1]))
            --before;
        return before > 0 && ends_operand(all[before - 1]);
    }

    static bool is_arithmetic(const Lexeme& token) {
        return is(token, "+") || is(token, "-") || is(token, "*") || is(token, "/");
    }

    // What the token changes for those behind it.
    void follow() {
        const Lexeme& token = all[k];
        minus_is_sign = is(token, "-") && !behind_operand();
        const bool begins = top().braces && (k == 0 || token.breaks > 0 || is(all[k - 1], ";") || is(all[k - 1], "{"));
        if (begins && !is_comment(token))
            in_input = is(token, "input");
        if (is(token, "in"))
            top().in_bound = true;
        if (is(token, ",") || is(token, ":") || is(token, ";"))
            top().in_bound = false;
        if (!opens(token))
            return;
        Bracket made{lines.back().indent, is(token, "{")};
        if (made.braces)
            top().in_bound = false;
        else {
            made.tight = tight() || is(token, "[") || (k > 0 && is(all[k - 1], "/") && is_product(k));
            made.commas = !is(token, "[") || loose(k);
        }
        brackets.push_back(made);
    }

    // (9*c): names and numbers only.
    [[nodiscard]] bool is_product(std::size_t open) const {
        std::size_t at = open + 1;
        while (at < all.size() && (all[at].kind == TokenKind::name || all[at].kind == TokenKind::number || is(all[at], "*")))
            ++at;
        return at < all.size() && is(all[at], ")");
    }

    // The slash of 1/n at the head of an argument or a definition.
    [[nodiscard]] bool is_inverse(std::size_t slash) const {
        return slash > 1 && is(all[slash], "/") && all[slash - 1].kind == TokenKind::number &&
               (is(all[slash - 2], "(") || is(all[slash - 2], ",") || is(all[slash - 2], "="));
    }

    // Ranges, axes, products and indices with a mode have blanks behind their commas: K[l in 2..L, a in -1..1], R[T, d],
    // x[2*i, j], x[i, j | zero]; others have none: x[l-1,t].
    [[nodiscard]] bool loose(std::size_t open) const {
        if (in_input)
            return true;
        int depth = 0;
        for (std::size_t at = open; at < all.size(); ++at) {
            depth += opens(all[at]) ? 1 : closes(all[at]) ? -1 : 0;
            if (depth == 0)
                return false;
            if (is(all[at], "|") || is(all[at], "in") || is(all[at], "*") || is(all[at], "/") || is(all[at], "("))
                return true;
        }
        return false;
    }
};

std::size_t width(const Line& line) {
    return line.indent + source::decode_all(line.code).size();
}

// Comments behind the code of neighbouring lines stand in one column.
std::string write(const std::vector<Line>& lines) {
    std::string text;
    for (std::size_t k = 0; k < lines.size();) {
        std::size_t end = k, column = 0;
        do {
            column = std::max(column, width(lines[end]));
            ++end;
        } while (end < lines.size() && !lines[k].comment.empty() && !lines[end].comment.empty() && !lines[end].blank_before);
        for (; k < end; ++k) {
            const Line& line = lines[k];
            text += line.blank_before ? "\n" : "";
            text += std::string(line.indent, ' ') + line.code;
            if (!line.comment.empty())
                text += std::string(column + 2 - width(line), ' ') + line.comment;
            text += '\n';
        }
    }
    return text;
}

} // namespace

std::string format(std::string_view text) {
    std::vector<Lexeme> all = without_idle_semicolons(tokens(text));
    settle_breaks(all);
    return write(Layout(std::move(all)).run());
}

} // namespace tpc::grammar
