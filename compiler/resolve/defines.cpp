// The values of -D options.
#include "compiler/resolve/declarations.hpp"

#include "grammar/parse.hpp"

#include <charconv>

namespace tpc::resolve {
namespace {

// Bytes of the option are no bytes of the program: its errors are shown at the parameter.
void place(ast::Expr& expr, Span span) {
    expr.span = expr.op = span;
    for (auto& child : expr.children) {
        place(child, span);
    }
}

} // namespace

std::optional<std::int64_t> parse_integer(const std::string& text) {
    std::int64_t made = 0;
    const auto* begin = text.data() + (text.starts_with('+') ? 1 : 0);
    const auto* end = text.data() + text.size();
    const auto result = std::from_chars(begin, end, made);
    constexpr std::int64_t limit = std::int64_t{1} << 31;
    if (result.ec != std::errc{} || result.ptr != end || made > limit || made < -limit) {
        return std::nullopt;
    }
    return made;
}

std::optional<ast::Expr> parse_define(const std::string& text, Span shown_at) {
    source::Files files;
    files.files.push_back({"-D", fmt::format("program define(value = {})", text)});
    source::Diagnostics ignored;
    const auto tree = grammar::parse(files, 0, ignored);
    if (!tree || ignored.has_errors() || tree->statements.size() != 1) {
        return std::nullopt;
    }
    const auto* program = std::get_if<ast::Program>(&tree->statements[0].node);
    if (program == nullptr || program->parameters.size() != 1 || !program->parameters[0].value) {
        return std::nullopt;
    }
    auto made = *program->parameters[0].value;
    place(made, shown_at);
    return made;
}

} // namespace tpc::resolve
