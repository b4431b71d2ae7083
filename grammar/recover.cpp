#include "grammar/recover.hpp"

#include "grammar/words.hpp"

#include <algorithm>

namespace tpc::grammar {

namespace {

using ast::Stmt;
using source::Span;

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

class Recovery {
  public:
    Recovery(ast::Tree& result, std::uint32_t index, const Text& prepared, const source::Diagnostics& found)
        : tree(result), file(index), text(prepared.text) {
        for (const source::Diagnostic& diagnostic : found.list)
            errors.push_back(diagnostic.span.begin);
        std::ranges::sort(errors);
    }

    void run(const std::vector<Span>& skipped) {
        for (const Span& span : skipped)
            names(span);
        statements(tree.statements);
        keep_header(skipped);
    }

  private:
    ast::Tree& tree;
    std::uint32_t file;
    std::string_view text;
    std::vector<std::uint32_t> errors;

    [[nodiscard]] std::size_t after_blanks(std::size_t at, std::size_t end) const {
        while (at < end && is_space(text[at]))
            ++at;
        return at;
    }

    // Whether `=` or `[...] =` follows.
    [[nodiscard]] bool assigned(std::size_t at, std::size_t end) const {
        at = after_blanks(at, end);
        if (at < end && text[at] == '[') {
            at = std::min(text.find(']', at), end);
            at = after_blanks(at + 1, end);
        }
        return at < end && text[at] == '=' && (at + 1 >= end || text[at + 1] != '=');
    }

    void names(const Span& span) {
        bool first = true, assignment = false;
        for (std::size_t at = span.begin; at < span.end;) {
            const std::size_t length = name_length(text.substr(at, span.end - at));
            if (length == 0) {
                at += std::max<std::size_t>(1, number_length(text.substr(at, span.end - at)));
                continue;
            }
            const std::string_view word = text.substr(at, length);
            at += length;
            if (first && word == "import")
                tree.incomplete = true;
            const bool target = assigned(at, span.end);
            assignment |= first && target;
            first = false;
            if (!is_keyword(word) && (target || !assignment))
                tree.unclear.insert(std::string(word));
        }
    }

    [[nodiscard]] bool holds_error(std::uint32_t begin, std::uint32_t end) const {
        const auto error = std::ranges::lower_bound(errors, begin);
        return error != errors.end() && *error <= end;
    }

    // True where the head up to the body has an error; its names are unclear then.
    bool head(const Span& span) {
        if (span.end == 0) // the rest was skipped
            return true;
        const std::uint32_t begin = span.begin;
        const auto end = static_cast<std::uint32_t>(std::min(text.find('{', begin), text.size()));
        if (!holds_error(begin, end))
            return false;
        names({file, begin, end});
        return true;
    }

    void statements(std::vector<Stmt>& list) {
        std::erase_if(list, [&](Stmt& statement) { return !sound(statement); });
    }

    bool sound(Stmt& statement) {
        const Span span = statement.span;
        if (auto* loop = std::get_if<ast::For>(&statement.node)) {
            if (head(span))
                loop->ranges.clear();
            statements(loop->body);
            return true;
        }
        if (auto* branch = std::get_if<ast::If>(&statement.node)) {
            if (head(span)) {
                branch->condition = {};
                branch->condition.integer = true;
                branch->condition.number = 1;
                branch->condition.name = "true";
                branch->condition.span = span;
            }
            statements(branch->then_body);
            statements(branch->else_body);
            return true;
        }
        if (auto* block = std::get_if<ast::Block>(&statement.node)) {
            statements(block->body);
            return !head(span);
        }
        if (span.end == 0) // an error was found in it, and the rest skipped
            return false;
        if (!holds_error(span.begin, span.end))
            return true;
        names(span);
        return false;
    }

    // A program whose first statement has an error, which may be its header, has a header all the same.
    void keep_header(const std::vector<Span>& skipped) {
        const std::size_t begin = after_blanks(0, text.size());
        const bool lost = std::ranges::any_of(skipped, [&](const Span& s) { return s.begin <= begin && begin < s.end; });
        const bool there = !tree.statements.empty() && std::holds_alternative<ast::Program>(tree.statements.front().node);
        if (!lost || there)
            return;
        Stmt header;
        const auto at = static_cast<std::uint32_t>(begin);
        header.span = {file, at, at};
        header.node = ast::Program{{"", header.span}, {}};
        tree.statements.insert(tree.statements.begin(), std::move(header));
    }
};

} // namespace

void keep_sound(ast::Tree& tree, std::uint32_t file, const Text& text, const std::vector<Span>& skipped,
                const source::Diagnostics& found) {
    Recovery(tree, file, text, found).run(skipped);
}

} // namespace tpc::grammar
