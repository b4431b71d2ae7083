#include "grammar/text.hpp"

#include "compiler/source/utf8.hpp"
#include "grammar/words.hpp"

#include <boost/spirit/home/support/char_encoding/unicode/query.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace tpc::grammar {

namespace {

using source::Id;
using source::Span;

// Brackets and braces together; and the height of the syntax tree, which bounds every recursion over it.
constexpr std::size_t nesting_limit = 200;
constexpr std::size_t height_limit = 1000;

// Letters of all scripts, and the marks that are written onto them.
bool is_unicode_letter(char32_t code) {
    namespace ucd = boost::spirit::ucd;
    if (code > 0x10FFFF)
        return false;
    return ucd::is_alphabetic(code) || (ucd::get_major_category(code) == ucd::properties::mark);
}

// One bracket that is open, with the height of what has been read inside it.
struct Bracket {
    char open = '{';
    std::size_t at = 0;
    std::size_t operators = 0; // of the piece between two commas, or of the statement
    std::size_t inner = 0;     // the greatest height of a bracket in this piece
    std::size_t height = 0;    // the greatest over all pieces
};

// How to write what a character from a text processor or a formula stands for.
std::string hint_for(char32_t code) {
    struct Twin {
        char32_t code;
        const char* hint;
    };
    static constexpr Twin twins[] = {
        {U'\u2212', "write -"},       {U'\u2013', "write -"},         {U'\u2014', "write -"},
        {U'\u00D7', "write *"},       {U'\u22C5', "write *"},         {U'\u00B7', "write *"},
        {U'\u2217', "write *"},       {U'\u2264', "write <="},        {U'\u2265', "write >="},
        {U'\u2260', "write !="},      {U'\u00B2', "write ^2"},        {U'\u00B3', "write ^3"},
        {U'\u2032', "write '"},       {U'\u2019', "write '"},         {U'\u2018', "write '"},
        {U'\u22A4', "write '"},       {U'\u201C', "write \""},        {U'\u201D', "write \""},
        {U'\u2026', "write .."},      {U'\u221A', "write sqrt(...)"}, {U'\u2211', "write sum(i in 1..T: ...)"},
        {U'\u00A0', "write a space"}, {U'\u223C', "write ~"},         {U'\u2208', "write in"},
    };
    const auto* twin = std::ranges::find(twins, code, &Twin::code);
    return twin == std::end(twins) ? "remove it" : twin->hint;
}

char closing_of(char open) {
    return open == '(' ? ')' : open == '[' ? ']' : '}';
}

class Preparation {
  public:
    Preparation(std::string_view source_text, std::uint32_t file_index, source::Diagnostics& sink)
        : original(source_text), file(file_index), diagnostics(sink) {
        result.text = source_text;
        stack.push_back({});
    }

    Text run() {
        check_characters();
        for (i = 0; i < result.text.size();)
            step();
        while (in_parentheses() && !result.too_deep)
            report_unclosed();
        if (stack.size() > 1 && !result.too_deep)
            report(Id::unclosed, stack.back().at, 1, '{', '}');
        std::ranges::sort(result.reported);
        return std::move(result);
    }

  private:
    std::string_view original;
    std::uint32_t file;
    source::Diagnostics& diagnostics;
    Text result;
    std::size_t i = 0;
    std::vector<Bracket> stack;      // the first stands for the file
    std::size_t following_token = 0; // of the last line break
    std::string_view first_word;     // of the statement being read
    bool statement_begins = true;

    template <class... Args> source::Diagnostic& report(Id id, std::size_t at, std::size_t length, const Args&... args) {
        const auto begin = static_cast<std::uint32_t>(at);
        result.reported.push_back(begin);
        return diagnostics.report(id, Span{file, begin, begin + static_cast<std::uint32_t>(length)}, args...);
    }

    void blank(std::size_t begin, std::size_t end) {
        std::fill(result.text.begin() + begin, result.text.begin() + end, ' ');
    }

    [[nodiscard]] char at(std::size_t k) const { return k < result.text.size() ? result.text[k] : '\0'; }
    [[nodiscard]] std::string_view rest(std::size_t k) const { return std::string_view(result.text).substr(k); }
    [[nodiscard]] bool in_parentheses() const { return stack.size() > 1 && stack.back().open != '{'; }

    // Broken sequences (once per run of them), control characters, and non-ASCII characters that are no letters.
    void check_characters() {
        if (original.starts_with("\xEF\xBB\xBF"))
            blank(0, 3);
        constexpr unsigned most_strange = 100; // a file with more of them is no text
        unsigned strange = 0;
        bool broken = false;
        bool comment = false;
        bool path = false;
        for (std::size_t k = 0; k < result.text.size();) {
            const source::Character c = source::decode(result.text, k);
            if (!c.valid && !broken)
                report(Id::invalid_utf8, k, 1);
            broken = !c.valid;
            if (c.code == '\n')
                comment = path = false;
            else if (c.code == '"' && !comment)
                path = !path;
            else if (c.code == '#' && !path)
                comment = true;
            const bool space = c.length == 1 && (c.code == '\n' || is_blank(static_cast<char>(c.code)));
            const bool control = c.valid && !space && (c.code < 0x20 || c.code == 0x7F);
            const bool foreign = c.valid && c.code >= 0x80 && !comment && !path && !is_unicode_letter(c.code);
            strange += control || foreign ? 1 : 0;
            if (control && strange <= most_strange)
                report(Id::unexpected_character, k, 1, fmt::format("U+{:04X}", static_cast<std::uint32_t>(c.code)),
                       "remove it");
            if (foreign && strange <= most_strange)
                report(Id::unexpected_character, k, c.length, fmt::format("'{}'", original.substr(k, c.length)),
                       hint_for(c.code));
            if (!c.valid || control || foreign)
                blank(k, k + c.length);
            k += c.length;
        }
    }

    void step() {
        const char c = at(i);
        if (c == '\n')
            return newline();
        if (is_blank(c)) {
            if (c != '\t')
                result.text[i] = ' ';
            ++i;
            return;
        }
        if (c == '#') {
            const std::size_t end = std::min(result.text.find('\n', i), result.text.size());
            blank(i, end);
            i = end;
            return;
        }
        if (std::exchange(statement_begins, false))
            first_word = original.substr(i, name_length(rest(i)));
        if (c == '"')
            return path();
        if (is_letter(c))
            return word();
        if (is_digit(c) || (c == '.' && is_digit(at(i + 1))))
            return number();
        switch (c) {
        case '.':
            i += at(i + 1) == '.' ? 2 : 1;
            return;
        case '(':
        case '[':
        case '{':
            return open(c);
        case ')':
        case ']':
        case '}':
            return close(c);
        case ',':
        case ':':
        case ';':
            end_piece();
            statement_begins = c == ';' && !in_parentheses();
            ++i;
            return;
        default:
            count_operator();
            ++i;
        }
    }

    void count_operator() {
        Bracket& top = stack.back();
        ++top.operators;
        check_height(top.operators + top.inner);
    }

    void check_height(std::size_t height) {
        if (height <= height_limit || result.too_deep)
            return;
        result.too_deep = true;
        report(Id::too_deep, i, 1, height_limit);
    }

    void end_piece() {
        Bracket& top = stack.back();
        top.height = std::max(top.height, top.operators + top.inner);
        top.operators = top.inner = 0;
    }

    void word() {
        const std::size_t length = name_length(rest(i));
        if (rest(i).substr(0, length) == "else")
            count_operator();
        i += length;
    }

    void number() {
        const std::size_t begin = i;
        i += number_length(rest(i));
        while (at(i) == '.' && at(i + 1) != '.') { // `1.`, `.5` and `1.2.3`
            const std::size_t point = i++;
            while (is_digit(at(i)))
                ++i;
            report(Id::number_point, begin, i - begin);
            blank(point, point + 1);
        }
        if (is_letter(at(i))) {
            const std::size_t length = name_length(rest(i));
            report(Id::number_letter, begin, i + length - begin);
            i += length;
        }
    }

    void path() {
        const std::size_t line_end = std::min(result.text.find('\n', i), result.text.size());
        const std::size_t end = result.text.find('"', i + 1);
        if (end >= line_end) {
            report(Id::unclosed_string, i, line_end - i);
            blank(i + 1, line_end);
            i = line_end;
            return;
        }
        blank(i + 1, end);
        i = end + 1;
    }

    void open(char c) {
        if (c == '{')
            while (in_parentheses())
                report_unclosed();
        count_operator();
        stack.push_back({c, i, 0, 0, 0});
        if (stack.size() > nesting_limit + 1 && !result.too_deep) {
            result.too_deep = true;
            report(Id::too_deep, i, 1, nesting_limit);
        }
        statement_begins = c == '{';
        ++i;
    }

    void close(char c) {
        if (c == '}')
            while (in_parentheses())
                report_unclosed();
        const bool matching_kind = stack.size() > 1 && (c == '}') == (stack.back().open == '{');
        if (!matching_kind) {
            report(Id::unopened, i, 1, c);
            blank(i, i + 1);
            ++i;
            return;
        }
        const Bracket& top = stack.back();
        if (closing_of(top.open) != c)
            report(Id::wrong_closing, i, 1, closing_of(top.open), c)
                .note({file, static_cast<std::uint32_t>(top.at), static_cast<std::uint32_t>(top.at) + 1},
                      fmt::format("'{}' is opened here", top.open));
        pop();
        ++i;
    }

    void pop() {
        end_piece();
        const std::size_t height = stack.back().height + 1;
        stack.pop_back();
        stack.back().inner = std::max(stack.back().inner, height);
        check_height(stack.back().operators + stack.back().inner);
    }

    void report_unclosed() {
        const Bracket top = stack.back();
        report(Id::unclosed, top.at, 1, top.open, closing_of(top.open));
        while (in_parentheses()) // one mistake, one message
            pop();
    }

    // The next place that is neither blank nor comment nor newline.
    [[nodiscard]] std::size_t next_token(std::size_t k) const {
        for (; k < result.text.size(); ++k) {
            if (at(k) == '#')
                k = std::min(result.text.find('\n', k), result.text.size());
            if (at(k) != '\n' && !is_blank(at(k)))
                break;
        }
        return std::min(k, result.text.size());
    }

    // `name =` and `name[...] =` open a statement: a lone = cannot stand inside the brackets of an expression.
    [[nodiscard]] bool is_assignment(std::size_t k) const {
        const std::size_t length = name_length(rest(k));
        if (length == 0)
            return false;
        const auto skip = [&] {
            while (is_blank(at(k)))
                ++k;
        };
        k += length;
        skip();
        if (at(k) == '[') {
            while (k < result.text.size() && at(k) != ']' && at(k) != '\n')
                ++k;
            ++k;
            skip();
        }
        return at(k) == '=' && at(k + 1) != '=';
    }

    void newline() {
        if (following_token <= i) // else it is this one's as well: only blanks and comments stand between
            following_token = next_token(i + 1);
        const std::size_t next = following_token;
        const std::string_view following = rest(next).substr(0, name_length(rest(next)));
        if (in_parentheses()) {
            const bool header = first_word == "program" || first_word == "block" || first_word == "use";
            const bool statement = opens_statement(following) || (!header && is_assignment(next));
            if (!statement) {
                result.text[i++] = ' ';
                return;
            }
            report_unclosed();
        }
        const bool continues = at(next) == '{' || following == "else";
        if (continues)
            result.text[i] = ' ';
        else {
            end_piece();
            statement_begins = true;
        }
        ++i;
    }
};

} // namespace

Text prepare(std::string_view source, std::uint32_t file, source::Diagnostics& diagnostics) {
    return Preparation(source, file, diagnostics).run();
}

} // namespace tpc::grammar
