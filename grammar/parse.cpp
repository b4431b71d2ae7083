#include "grammar/parse.hpp"

#include "grammar/rules.hpp"
#include "grammar/validate.hpp"

namespace tpc::grammar {

std::optional<ast::Tree> parse(const source::Files& files, std::uint32_t file, source::Diagnostics& diagnostics) {
    source::Diagnostics found;
    const Text text = prepare(files.files[file].text, file, found);
    ast::Tree tree;
    if (!text.too_deep) {
        const State state{files, file, text, found};
        Iterator first = state.begin();
        // Every error has been reported where it was; the rule itself recovers and reads the whole file.
        x3::phrase_parse(first, state.end(), x3::with<state_tag>(state)[file_rule], Skipper{}, tree);
    }
    if (!found.has_errors())
        validate(tree, found);
    const bool failed = found.has_errors();
    for (source::Diagnostic& diagnostic : found.list)
        diagnostics.list.push_back(std::move(diagnostic));
    if (failed)
        return std::nullopt;
    return tree;
}

} // namespace tpc::grammar
