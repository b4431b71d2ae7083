#include "compiler/check/gia.hpp"
#include "compiler/check/summary.hpp"
#include "compiler/resolve/elements_walk.hpp"
#include "compiler/resolve/resolve.hpp"
#include "grammar/format.hpp"
#include "grammar/load.hpp"
#include "grammar/parse.hpp"
#include "grammar/print.hpp"
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <sstream>

namespace tpc::fuzz {
namespace {

constexpr std::uint64_t budget = 20'000;

// Imports come from the library alone.
std::string read_library(const std::string& path) {
    return path.starts_with(TPC_SOURCE_DIR "/library") ? grammar::read_file(path) : "";
}

std::map<std::string, std::string> defines_of(const std::string& text) {
    std::map<std::string, std::string> defines;
    if (!text.starts_with("#-D "))
        return defines;
    std::istringstream words(text.substr(4, text.find('\n') - 4));
    for (std::string word; words >> word;)
        if (const std::size_t equal = word.find('='); equal != std::string::npos && equal > 0)
            defines.emplace(word.substr(0, equal), word.substr(equal + 1));
    return defines;
}

void inspect(const source::Diagnostics& diagnostics, const source::Files& files) {
    const std::string& text = files.files[0].text;
    const auto in_text = [&](const source::Span& span) {
        return span.file < files.files.size() && span.begin <= span.end && span.end <= files.files[span.file].text.size();
    };
    for (const source::Diagnostic& each : diagnostics.list) {
        require(in_text(each.span) && std::ranges::all_of(each.notes, in_text, &source::Note::span),
                "a message stands in the text: " + each.text, text);
        require(!each.text.empty(), "a message has a text", text);
    }
    require(source::render(diagnostics, files).empty() == diagnostics.list.empty(), "messages render", text);
    require(!source::render_json(diagnostics, files).empty(), "messages render as JSON", text);
}

void layout(const std::string& text, const ast::Tree& tree) {
    const std::string laid_out = grammar::format(text);
    const source::Files files{{{"fuzz.tp", laid_out}}};
    source::Diagnostics diagnostics;
    const auto again = grammar::parse(files, 0, diagnostics);
    require(again && grammar::print(*again) == grammar::print(tree), "fmt keeps the syntax tree", text);
    require(grammar::format(laid_out) == laid_out, "fmt changes nothing the second time", text);
}

} // namespace

std::string mutated(std::string_view bytes, std::uint64_t seed) {
    return mutated_text(bytes, seed);
}

void run(std::string_view bytes) {
    source::Files files{{{"fuzz.tp", std::string(bytes)}}};
    const std::string text = files.files[0].text;
    source::Diagnostics diagnostics;
    const auto parsed = grammar::parse(files, 0, diagnostics);
    require(parsed.has_value() != diagnostics.has_errors(), "a tree or an error", text);
    if (parsed)
        layout(text, *parsed);

    diagnostics = {};
    const auto tree = grammar::load(files, {{TPC_SOURCE_DIR "/library"}, read_library}, diagnostics);
    if (!tree)
        return inspect(diagnostics, files);
    std::optional<ir::Program> program = resolve::resolve(*tree, files, {defines_of(text)}, diagnostics);
    require(program.has_value() != diagnostics.has_errors(), "a program or an error", text);
    if (!program)
        return inspect(diagnostics, files);
    const ir::Sizes sizes = resolve::small_sizes(*program);
    resolve::elements::verify(*program, sizes, diagnostics, budget);
    if (!diagnostics.has_errors()) {
        const check::Verdict verdict = check::check(*program, diagnostics);
        require(verdict.holds != diagnostics.has_errors(), "the check holds or says why not", text);
        require(!check::describe(verdict, *program).empty(), "a program has a description", text);
        (void)check::summarize(*program, sizes, budget);
    }
    inspect(diagnostics, files);
}

} // namespace tpc::fuzz
