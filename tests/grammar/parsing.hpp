// A text, its tree and its diagnostics.
#pragma once

#include "grammar/parse.hpp"
#include "grammar/print.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace tpc {

struct Parsed {
    source::Files files;
    source::Diagnostics diagnostics;
    std::optional<ast::Tree> tree;

    explicit Parsed(const std::string& text) {
        files.files.push_back({"a.tp", text});
        tree = grammar::parse(files, 0, diagnostics);
    }
    // All messages without their excerpts: `LINE:COLUMN text` each on a line.
    [[nodiscard]] std::string messages() const {
        std::string lines;
        for (const source::Diagnostic& d : diagnostics.list) {
            const source::Position at = source::position_of(files.files[0], d.span.begin);
            lines += std::to_string(at.line) + ":" + std::to_string(at.column) + " " + d.text + "\n";
        }
        return lines;
    }
    [[nodiscard]] const ast::Expr& value(std::size_t k = 0) const {
        return std::get<ast::Assign>(tree.value().statements.at(k).node).value;
    }
    [[nodiscard]] std::string text_of(source::Span span) const { return std::string(source::text_of(files, span)); }
};

} // namespace tpc
