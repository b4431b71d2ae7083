#include "compiler/source/diagnostic.hpp"
#include "compiler/source/utf8.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

namespace tpc::source {

namespace {

std::string_view word_of(Severity severity) {
    switch (severity) {
    case Severity::note:
        return "note";
    case Severity::warning:
        return "warning";
    case Severity::error:
        return "error";
    }
    return "";
}

const File& file_of(const Files& files, Span span) {
    static const File unknown{"<unknown>", ""};
    return span.file < files.files.size() ? files.files[span.file] : unknown;
}

std::string heading(const Files& files, Span span, Severity severity, std::string_view text) {
    const File& file = file_of(files, span);
    const Position at = position_of(file, span.begin);
    return fmt::format("{}:{}:{}: {}: {}\n", file.path, at.line, at.column, word_of(severity), text);
}

// The line as it can be shown on a terminal, one column per character: what is not printable becomes U+FFFD.
std::string printable(std::string_view line) {
    std::string shown;
    for (std::size_t i = 0; i < line.size();) {
        const Character character = decode(line, i);
        const bool control = character.code < 0x20 || (character.code >= 0x7F && character.code < 0xA0);
        if (character.code != 0xFEFF || i != 0) {
            if (character.valid && (!control || character.code == '\t'))
                shown += line.substr(i, character.length);
            else
                shown += "\uFFFD";
        }
        i += character.length;
    }
    return shown;
}

// The line of the span with `^~~~` under it; a span over several lines is marked to the end of its first.
std::string excerpt(const Files& files, Span span) {
    const File& file = file_of(files, span);
    const std::string_view line = line_at(file, span.begin);
    const Position at = position_of(file, span.begin);
    const std::u32string shown = decode_all(printable(line));
    std::string padding;
    for (std::uint32_t k = 0; k + 1 < at.column; ++k)
        padding += k < shown.size() && shown[k] == U'\t' ? '\t' : ' ';

    const std::string_view rest = text_of(files, span).substr(0, text_of(files, span).find('\n'));
    const std::size_t room = shown.size() - std::min<std::size_t>(shown.size(), at.column - 1);
    const std::size_t width = std::max<std::size_t>(1, std::min(decode_all(rest).size(), room));
    return fmt::format("{:5} | {}\n      | {}^{}\n", at.line, printable(line), padding, std::string(width - 1, '~'));
}

// By position, each once: expansion may find the same mistake many times.
std::vector<const Diagnostic*> in_order(const Diagnostics& diagnostics) {
    std::vector<const Diagnostic*> sorted;
    for (const Diagnostic& diagnostic : diagnostics.list)
        sorted.push_back(&diagnostic);
    std::ranges::stable_sort(sorted, {}, [](const Diagnostic* d) { return std::tuple(d->span.file, d->span.begin); });
    std::vector<const Diagnostic*> kept;
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::string_view>> seen;
    for (const Diagnostic* diagnostic : sorted) {
        const Span span = diagnostic->span;
        if (seen.insert({span.file, span.begin, span.end, diagnostic->text}).second)
            kept.push_back(diagnostic);
    }
    return kept;
}

nlohmann::ordered_json json_of(const Files& files, Span span, Severity severity, const std::string& text) {
    const File& file = file_of(files, span);
    const Position begin = position_of(file, span.begin);
    const Position end = position_of(file, span.end);
    return {{"severity", word_of(severity)}, {"text", text},         {"file", file.path},       {"line", begin.line},
            {"column", begin.column},        {"end_line", end.line}, {"end_column", end.column}};
}

} // namespace

std::string render(const Diagnostics& diagnostics, const Files& files) {
    std::string text;
    for (const Diagnostic* diagnostic : in_order(diagnostics)) {
        text += heading(files, diagnostic->span, severity_of(diagnostic->id), diagnostic->text);
        text += excerpt(files, diagnostic->span);
        for (const Note& note : diagnostic->notes)
            text += heading(files, note.span, Severity::note, note.text);
    }
    return text;
}

std::string render_json(const Diagnostics& diagnostics, const Files& files) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Diagnostic* diagnostic : in_order(diagnostics)) {
        nlohmann::ordered_json entry = json_of(files, diagnostic->span, severity_of(diagnostic->id), diagnostic->text);
        entry["id"] = name_of(diagnostic->id);
        entry["notes"] = nlohmann::ordered_json::array();
        for (const Note& note : diagnostic->notes)
            entry["notes"].push_back(json_of(files, note.span, Severity::note, note.text));
        list.push_back(std::move(entry));
    }
    // A path or a name may hold broken UTF-8: replaced, never an exception.
    return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace tpc::source
