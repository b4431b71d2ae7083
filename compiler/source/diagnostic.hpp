// Diagnostics: one table (`diagnostics.def`) holds id, severity and text of every message.
#pragma once

#include "compiler/source/source.hpp"

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tpc::source {

enum class Severity { note, warning, error };

enum class Id {
#define TPC_DIAGNOSTIC(id, severity, text) id,
#include "compiler/source/diagnostics.def"
#undef TPC_DIAGNOSTIC
};

std::string_view name_of(Id id); // "unknown_name"
Severity severity_of(Id id);
std::string_view template_of(Id id); // fmt format string, lower case, no full stop

struct Note {
    Span span;
    std::string text;
};

struct Diagnostic {
    Id id;
    Span span;
    std::string text;
    std::vector<Note> notes;

    // `diags.report(Id::x, span, ...).note(other, "first assigned here")`
    Diagnostic& note(Span where, std::string what) {
        notes.push_back({where, std::move(what)});
        return *this;
    }
};

// The diagnostics of one run, in the order found.
struct Diagnostics {
    std::vector<Diagnostic> list;

    // The arguments fill the `{}` of the text in the table.
    template <class... Args> Diagnostic& report(Id id, Span span, const Args&... args) {
        list.push_back({id, span, fmt::format(fmt::runtime(template_of(id)), args...), {}});
        return list.back();
    }
    [[nodiscard]] bool has_errors() const;
};

// FILE:LINE:COL: severity: text, the line with carets, then the notes; sorted by position, each printed once.
std::string render(const Diagnostics& diagnostics, const Files& files);

// The same as a JSON array (see docs/language.md for the members).
std::string render_json(const Diagnostics& diagnostics, const Files& files);

// The candidate nearest to `name` in edit distance, the first of several; an empty string when none is near.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

// "; did you mean relu?", or an empty string.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

} // namespace tpc::source
