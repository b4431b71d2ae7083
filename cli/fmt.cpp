// tpc fmt: lays out programs in place.
#include "cli/commands.hpp"

#include "grammar/format.hpp"
#include "grammar/parse.hpp"
#include "grammar/print.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace tpc::cli {
namespace {

struct FmtOptions {
    std::vector<std::string> files;
    bool check = false;
};

std::optional<ast::Tree> parsed(Session& session, source::File file) {
    session.files.files.push_back(std::move(file));
    const auto index = static_cast<std::uint32_t>(session.files.files.size() - 1);
    std::optional<ast::Tree> tree;
    session.clean([&](auto& found) { tree = grammar::parse(session.files, index, found); });
    return tree;
}

// The text laid out; nothing where it has errors. The syntax tree must have stayed what it was.
std::optional<std::string> laid_out(Session& session, const std::string& path, const std::string& text) {
    const auto tree = parsed(session, {path, text});
    if (!tree)
        return std::nullopt;
    std::string made = grammar::format(text);
    source::Files files{{{path, made}}};
    source::Diagnostics found;
    const auto again = grammar::parse(files, 0, found);
    if (!again || grammar::print(*again) != grammar::print(*tree))
        throw std::logic_error(path + ": its layout would change its meaning, nothing was written");
    return made;
}

void run(Session& session, const FmtOptions& options) {
    bool errors = false;
    std::size_t changed = 0;
    session.result["changed"] = nlohmann::ordered_json::array();
    for (const std::string& path : options.files) {
        const std::string text = read_text(path);
        const auto made = laid_out(session, path, text);
        errors |= !made;
        if (!made || *made == text)
            continue;
        if (!options.check)
            write_text(path, *made);
        session.print(path + "\n");
        session.result["changed"].push_back(path);
        ++changed;
    }
    if (errors)
        throw Failure{program_error, ""};
    if (options.check && changed > 0)
        throw Failure{program_error, changed == 1 ? "a file is not laid out: tpc fmt does it"
                                                  : fmt::format("{} files are not laid out: tpc fmt does it", changed)};
}

} // namespace

Run add_fmt(CLI::App& command) {
    const auto options = std::make_shared<FmtOptions>();
    command.add_option("FILE", options->files, "programs, .tp files; those that change are listed")
        ->required()
        ->type_name("...");
    command.add_flag("--check", options->check, "change nothing; exit code 1 where a file would change");
    return [options](Session& session) { run(session, *options); };
}

} // namespace tpc::cli
