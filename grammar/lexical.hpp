// Skipper, tokens and the state that all parts of the grammar share.
#pragma once

#include "compiler/source/diagnostic.hpp"
#include "grammar/ast.hpp"
#include "grammar/text.hpp"

#include <boost/spirit/home/x3.hpp>

#include <concepts>
#include <string>
#include <string_view>

namespace tpc::grammar {

namespace x3 = boost::spirit::x3;

using Iterator = const char*;

// What a parse of one file carries besides its position.
struct State {
    const source::Files& files;
    std::uint32_t file;
    const Text& text;
    source::Diagnostics& diagnostics;
    std::vector<source::Span>& skipped; // statements with an error

    [[nodiscard]] Iterator begin() const { return text.text.data(); }
    [[nodiscard]] Iterator end() const { return begin() + text.text.size(); }
    [[nodiscard]] std::uint32_t offset(Iterator where) const { return static_cast<std::uint32_t>(where - begin()); }
    [[nodiscard]] source::Span span(Iterator from, Iterator to) const { return {file, offset(from), offset(to)}; }
    [[nodiscard]] std::string_view rest(Iterator where) const { return {where, static_cast<std::size_t>(end() - where)}; }

    // Reports that `expected` was not found at `where`, unless the text from `from` to `to` has been reported already.
    void expected(const std::string& expected, Iterator where, Iterator from, Iterator to) const;
    // The end of the statement that starts at `from`: a newline, `;` or `}` outside its own brackets.
    [[nodiscard]] Iterator statement_end(Iterator from) const;
    // The `{` of the construct that starts at `from`, or null where the statement ends before it has one.
    [[nodiscard]] Iterator body_begin(Iterator from) const;
};

struct state_tag;

// Spaces and tabs. (x3::blank asserts that characters are not negative, which bytes above 0x7F are.)
struct Skipper : x3::parser<Skipper> {
    using attribute_type = x3::unused_type;
    static bool const has_attribute = false;

    template <class It, class Ctx, class RuleContext, class Attribute>
    bool parse(It& first, const It& last, const Ctx&, RuleContext&, Attribute&) const {
        if (first == last || (*first != ' ' && *first != '\t'))
            return false;
        ++first;
        return true;
    }
};

// Every grammar file instantiates its exported rules for this iterator and context (with<state_tag> inside phrase_parse);
// another context shows only as an undefined reference to parse_rule.
using Context = x3::context<state_tag, const State, x3::phrase_parse_context<Skipper>::type>;

// A token: Derived::match(state, where, value) returns the end of the token, or null.
template <class Derived, class Value> struct Token : x3::parser<Derived> {
    using attribute_type = Value;
    static bool const has_attribute = true;
    static bool const handles_container = false;

    template <class It, class Ctx, class RuleContext, class Attribute>
    bool parse(It& first, const It& last, const Ctx& context, RuleContext&, Attribute& attribute) const {
        It where = first;
        x3::skip_over(where, last, context);
        Value value{};
        const It end = this->derived().match(x3::get<state_tag>(context), where, value);
        if (end == nullptr)
            return false;
        first = end;
        if constexpr (std::same_as<Attribute, Value>)
            attribute = std::move(value);
        return true;
    }
};

struct NameToken : Token<NameToken, ast::Name> {
    static Iterator match(const State& state, Iterator where, ast::Name& value);
};

struct NumberToken : Token<NumberToken, ast::Expr> {
    static Iterator match(const State& state, Iterator where, ast::Expr& value);
};

// "layers.tp"
struct PathToken : Token<PathToken, ast::Import> {
    static Iterator match(const State& state, Iterator where, ast::Import& value);
};

// A keyword, or a word that is special only where it stands (int, zero, N, R).
struct Word : Token<Word, source::Span> {
    const char* word;
    constexpr explicit Word(const char* text) : word(text) {}
    Iterator match(const State& state, Iterator where, source::Span& value) const;
};

// An operator or a bracket; `called` is what a message asks for where it is missing.
struct Symbol : Token<Symbol, source::Span> {
    const char* symbol;
    const char* called;
    constexpr explicit Symbol(const char* text, const char* in_messages = nullptr) : symbol(text), called(in_messages) {}
    Iterator match(const State& state, Iterator where, source::Span& value) const;
};

// Succeeds, consuming nothing, before one of `characters` (and, if `or_file_end`, at the end of the file).
struct Ahead : Token<Ahead, source::Span> {
    const char* characters;
    bool or_file_end;
    const char* called;
    constexpr Ahead(const char* set, bool file_end, const char* in_messages)
        : characters(set), or_file_end(file_end), called(in_messages) {}
    Iterator match(const State& state, Iterator where, source::Span& value) const;
};

const NameToken name_token{};
const NumberToken number_token{};
const PathToken path_token{};
constexpr Symbol comma{","}, equals{"="}, colon{":"}, dots{".."};
constexpr Symbol open_parenthesis{"("}, close_parenthesis{")", "',' or ')'"};
constexpr Symbol open_index{"["}, close_index{"]", "',' or ']'"};
constexpr Symbol open_brace{"{"}, close_brace{"}"};
constexpr Ahead after_expression{"\n;}", true, "an operator or the end of the statement"};
constexpr Ahead after_declaration{"\n;}", true, "the end of the statement"};
constexpr Ahead before_body{"{", false, "'{'"};

// Semantic actions: `parser[set(&Node::member)]`, `parser[append]`, `parser[append_to(&Node::list)]`, `parser[take]`.
template <class Member> auto set(Member member) {
    return [member](auto& context) { x3::_val(context).*member = std::move(x3::_attr(context)); };
}
template <class Member> auto append_to(Member member) {
    return [member](auto& context) { (x3::_val(context).*member).push_back(std::move(x3::_attr(context))); };
}
const auto append = [](auto& context) { x3::_val(context).push_back(std::move(x3::_attr(context))); };
const auto take = [](auto& context) { x3::_val(context) = std::move(x3::_attr(context)); };

template <class Ctx> const State& state_of(const Ctx& context) {
    return x3::get<state_tag>(context);
}

} // namespace tpc::grammar

namespace boost::spirit::x3 {

// What a message calls a parser: with an action it keeps its name.
template <class Subject, class Action> struct get_info<action<Subject, Action>> {
    using result_type = std::string;
    std::string operator()(const action<Subject, Action>& p) const { return what(p.subject); }
};
template <> struct get_info<tpc::grammar::NameToken> {
    using result_type = std::string;
    std::string operator()(const tpc::grammar::NameToken&) const { return "a name"; }
};
template <> struct get_info<tpc::grammar::PathToken> {
    using result_type = std::string;
    std::string operator()(const tpc::grammar::PathToken&) const { return "a path in double quotes"; }
};
template <> struct get_info<tpc::grammar::Word> {
    using result_type = std::string;
    std::string operator()(const tpc::grammar::Word& p) const { return std::string("'") + p.word + "'"; }
};
template <> struct get_info<tpc::grammar::Symbol> {
    using result_type = std::string;
    std::string operator()(const tpc::grammar::Symbol& p) const {
        return p.called != nullptr ? p.called : std::string("'") + p.symbol + "'";
    }
};
template <> struct get_info<tpc::grammar::Ahead> {
    using result_type = std::string;
    std::string operator()(const tpc::grammar::Ahead& p) const { return p.called; }
};

} // namespace boost::spirit::x3
