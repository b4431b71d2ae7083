// A program from its text, for tests of the stages after resolve.
#pragma once

#include "compiler/check/gia.hpp"
#include "compiler/resolve/resolve.hpp"
#include "grammar/parse.hpp"

#include <stdexcept>
#include <string>

namespace tpc::test {

struct Checked {
    source::Files files;
    source::Diagnostics diagnostics;
    ir::Program program;
    check::Verdict verdict;

    // "7 gia_readout_reused; 8 ..." by line, in the order found.
    [[nodiscard]] std::string reasons() const {
        std::string text;
        for (const source::Diagnostic& diagnostic : diagnostics.list)
            text += (text.empty() ? "" : "; ") +
                    std::to_string(source::position_of(files.files[0], diagnostic.span.begin).line) + " " +
                    std::string(source::name_of(diagnostic.id));
        return text;
    }
};

inline Checked check_text(const std::string& text, const std::map<std::string, std::string>& defines = {}) {
    Checked result;
    result.files.files.push_back({"test.tp", text});
    const auto tree = grammar::parse(result.files, 0, result.diagnostics);
    if (!tree)
        throw std::runtime_error(source::render(result.diagnostics, result.files));
    auto program =
        resolve::resolve(*tree, result.files, {.defines = defines, .rates = resolve::Rates::unit}, result.diagnostics);
    if (!program)
        throw std::runtime_error(source::render(result.diagnostics, result.files));
    result.diagnostics.list.clear(); // warnings
    result.program = std::move(*program);
    result.verdict = check::check(result.program, result.diagnostics);
    return result;
}

} // namespace tpc::test
