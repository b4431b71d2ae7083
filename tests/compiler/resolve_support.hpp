// Parses and resolves a text, for the tests of the stages that start from an ir::Program.
#pragma once

#include "compiler/resolve/resolve.hpp"
#include "grammar/parse.hpp"

#include <string>

namespace tpc::testing {

struct Resolved {
    source::Files files;
    source::Diagnostics diagnostics;
    std::optional<ir::Program> program;

    // "LINE:COL id" of every diagnostic, in the order found
    [[nodiscard]] std::vector<std::string> places() const {
        std::vector<std::string> made;
        for (const auto& each : diagnostics.list) {
            const auto at = source::position_of(files.files[each.span.file], each.span.begin);
            made.push_back(fmt::format("{}:{} {}", at.line, at.column, source::name_of(each.id)));
        }
        return made;
    }
};

inline Resolved resolve_text(std::string text, const std::map<std::string, std::string>& defines = {},
                             resolve::Rates rates = resolve::Rates::unit) {
    Resolved made;
    made.files.files.push_back({"test.tp", std::move(text)});
    if (const auto tree = grammar::parse(made.files, 0, made.diagnostics)) {
        made.program = resolve::resolve(*tree, made.files, {defines, rates}, made.diagnostics);
    }
    return made;
}

} // namespace tpc::testing
