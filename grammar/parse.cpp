#include "grammar/parse.hpp"

#include "grammar/recover.hpp"
#include "grammar/rules.hpp"
#include "grammar/validate.hpp"

#include <algorithm>

namespace tpc::grammar {

namespace {

// A brace too many or too few: what belongs to what is anybody's guess.
bool is_about_braces(const source::Diagnostic& diagnostic, std::string_view text) {
    const bool bracket = diagnostic.id == source::Id::unclosed || diagnostic.id == source::Id::unopened;
    return bracket && diagnostic.span.begin < text.size() &&
           std::string_view("{}").find(text[diagnostic.span.begin]) != std::string_view::npos;
}

} // namespace

std::optional<ast::Tree> parse_sound(const source::Files& files, std::uint32_t file, source::Diagnostics& diagnostics) {
    source::Diagnostics found;
    const std::string& source = files.files[file].text;
    const Text text = prepare(source, file, found);
    ast::Tree tree;
    bool structured = !text.too_deep;
    if (!text.too_deep) {
        std::vector<source::Span> skipped;
        const State state{files, file, text, found, skipped};
        Iterator first = state.begin();
        // Every error has been reported where it was; the rule itself recovers and reads the whole file.
        x3::phrase_parse(first, state.end(), x3::with<state_tag>(state)[file_rule], Skipper{}, tree);
        tree.broken = found.has_errors();
        structured =
            std::ranges::none_of(found.list, [&](const auto& diagnostic) { return is_about_braces(diagnostic, source); });
        if (tree.broken && structured)
            keep_sound(tree, file, text, skipped, found);
        if (structured)
            validate(tree, found);
    }
    tree.broken = found.has_errors();
    for (source::Diagnostic& diagnostic : found.list)
        diagnostics.list.push_back(std::move(diagnostic));
    return structured ? std::optional(std::move(tree)) : std::nullopt;
}

std::optional<ast::Tree> parse(const source::Files& files, std::uint32_t file, source::Diagnostics& diagnostics) {
    auto tree = parse_sound(files, file, diagnostics);
    return tree && !tree->broken ? std::move(tree) : std::nullopt;
}

} // namespace tpc::grammar
