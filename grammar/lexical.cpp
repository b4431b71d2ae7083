#include "grammar/lexical.hpp"

#include "grammar/hints.hpp"
#include "grammar/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tpc::grammar {

namespace {

struct Found {
    std::string text;
    Iterator begin;
    Iterator end;
};

// What stands at `where`, in the user's terms. A missing rest of a line is shown right after its last token.
Found found_at(const State& state, Iterator where) {
    while (where != state.end() && is_blank(*where))
        ++where;
    if (where == state.end() || *where == '\n') {
        const std::string text = where == state.end() ? "the end of the file" : "the end of the line";
        while (where != state.begin() && (is_blank(where[-1]) || (*where == '\0' && where[-1] == '\n')))
            --where;
        return {text, where, where};
    }
    const std::string_view rest = state.rest(where);
    std::size_t length = name_length(rest);
    if (length != 0) {
        const std::string_view word = rest.substr(0, length);
        return {fmt::format("{}'{}'", is_keyword(word) ? "the keyword " : "", word), where, where + length};
    }
    length = std::max(number_length(rest), symbol_at(rest).size());
    return {fmt::format("'{}'", rest.substr(0, length)), where, where + length};
}

// What was meant by a word that no statement begins with, as `matrx` in `matrx U ~ ...`; or by one after a `}`.
struct Misspelt {
    Iterator begin = nullptr;
    std::string word;
    std::string hint;
};

std::string hint_for_else(const std::string& word) {
    if (word == "elif" || word == "elsif" || word == "elseif")
        return "; did you mean else if?";
    return source::did_you_mean(word, {"else"});
}

Misspelt misspelt_keyword(const State& state, const std::string& expected, Iterator where, Iterator from) {
    const auto skip = [&](Iterator at) {
        while (at != state.end() && is_blank(*at))
            ++at;
        return at;
    };
    const auto word_at = [&](Iterator at) { return std::string(state.rest(at).substr(0, name_length(state.rest(at)))); };
    from = skip(from);
    where = skip(where);
    if (expected == after_declaration.called) {
        const std::string word = word_at(where);
        return {where, word, word.empty() || is_keyword(word) ? "" : hint_for_else(word)};
    }
    const std::string word = word_at(from);
    const bool follows = !word.empty() && skip(from + word.size()) == where && where != state.end() &&
                         (name_length(state.rest(where)) > 0 || *where == '"');
    if (!follows || expected != "'='" || is_keyword(word))
        return {};
    const std::string hint = hint_for_opener(word);
    return {from, word, hint.empty() ? source::did_you_mean(word, statement_keywords()) : hint};
}

} // namespace

void State::expected(const std::string& expected, Iterator where, Iterator from, Iterator to) const {
    const auto known = std::ranges::lower_bound(text.reported, offset(from));
    if (known != text.reported.end() && *known <= offset(to))
        return;
    if (const Misspelt meant = misspelt_keyword(*this, expected, where, from); !meant.hint.empty()) {
        diagnostics.report(source::Id::unknown_keyword, span(meant.begin, meant.begin + meant.word.size()), meant.word,
                           meant.hint);
        return;
    }
    const Found found = found_at(*this, where);
    // An unclosed `{` has its own message.
    if (where == end() && !text.reported.empty())
        return;
    const bool comparison = expected == before_body.called && found.text == "'='";
    const std::string hint =
        hint_for_syntax(expected, std::string_view(begin(), static_cast<std::size_t>(where - begin())), rest(where));
    diagnostics.report(source::Id::syntax, span(found.begin, found.end), comparison ? "'=='" : expected, found.text, hint);
}

Iterator State::statement_end(Iterator from) const {
    int parentheses = 0;
    int braces = 0;
    for (Iterator where = from; where != end(); ++where) {
        const char c = *where;
        if (braces == 0 && where != from) {
            if (c == '\n' || c == '}' || (c == ';' && parentheses <= 0))
                return where;
        }
        parentheses += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
        braces += c == '{' ? 1 : c == '}' ? -1 : 0;
        if (c == '{' || c == '}')
            parentheses = 0; // a brace closes what was left open
    }
    return end();
}

Iterator State::body_begin(Iterator from) const {
    int parentheses = 0;
    for (Iterator where = from; where != end(); ++where) {
        const char c = *where;
        if (c == '{')
            return where;
        if (c == '\n' || c == '}' || (c == ';' && parentheses <= 0))
            return nullptr;
        parentheses += c == '(' || c == '[' ? 1 : c == ')' || c == ']' ? -1 : 0;
    }
    return nullptr;
}

Iterator NameToken::match(const State& state, Iterator where, ast::Name& value) {
    const std::string_view word = state.rest(where).substr(0, name_length(state.rest(where)));
    if (word.empty() || is_keyword(word))
        return nullptr;
    value.text = word;
    value.span = state.span(where, where + word.size());
    return where + word.size();
}

Iterator NumberToken::match(const State& state, Iterator where, ast::Expr& value) {
    const std::size_t length = number_length(state.rest(where));
    if (length == 0)
        return nullptr;
    const Iterator end = where + length;
    value.kind = ast::ExprKind::number;
    value.span = state.span(where, end);
    value.integer = std::none_of(where, end, [](char c) { return c == '.' || c == 'e' || c == 'E'; });
    const bool exact = std::from_chars(where, end, value.number).ec == std::errc{};
    if (!exact) {
        value.number = 1;
        state.diagnostics.report(source::Id::number_range, value.span, state.rest(where).substr(0, length));
    }
    return end;
}

Iterator PathToken::match(const State& state, Iterator where, ast::Import& value) {
    if (where == state.end() || *where != '"')
        return nullptr;
    const Iterator end = std::find(where + 1, state.end(), '"');
    if (end == state.end())
        return nullptr;
    value.span = state.span(where, end + 1);
    // The prepared text has the inside blanked.
    value.path = source::text_of(state.files, state.span(where + 1, end));
    return end + 1;
}

Iterator Word::match(const State& state, Iterator where, source::Span& value) const {
    const std::size_t length = name_length(state.rest(where));
    if (state.rest(where).substr(0, length) != word)
        return nullptr;
    value = state.span(where, where + length);
    return where + length;
}

Iterator Symbol::match(const State& state, Iterator where, source::Span& value) const {
    if (symbol_at(state.rest(where)) != symbol)
        return nullptr;
    const Iterator end = where + std::string_view(symbol).size();
    value = state.span(where, end);
    return end;
}

Iterator Ahead::match(const State& state, Iterator where, source::Span&) const {
    const bool found =
        where == state.end() ? or_file_end : std::string_view(characters).find(*where) != std::string_view::npos;
    return found ? where : nullptr;
}

} // namespace tpc::grammar
