// What the compiler knows of an open file.
#pragma once

#include "compiler/ir/program.hpp"
#include "grammar/load.hpp"
#include "server/names.hpp"
#include "server/protocol.hpp"

#include <map>

namespace tpc::server {

struct Analysis {
    source::Files files; // the file, then what it imports
    source::Diagnostics diagnostics;
    std::vector<Declaration> names;
    bool whole = false; // no statement has a syntax error
    std::optional<ir::Program> program;
    std::map<std::uint32_t, std::string> covariances; // by family: its lines of the recursions
};

// Reads, resolves, verifies at small sizes and judges; `reads` gives the text of a file that is open instead of the disk's.
Analysis analyse(const std::string& path, const std::string& text, const grammar::Loading& loading);

// By the path of the file that they stand in.
std::map<std::string, Json> protocol_diagnostics(const Analysis& analysis);

// The word around a byte of a text; empty where there is none.
struct Word {
    std::string text;
    std::size_t begin = 0;
};
Word word_at(std::string_view text, std::size_t offset);

// Markdown: kind, shape, scaling, covariance; empty where nothing is known.
std::string hover(const Analysis& analysis, const std::string& name, std::uint32_t offset);

Json completions(const Analysis& analysis, std::uint32_t offset);

} // namespace tpc::server
