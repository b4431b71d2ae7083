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

std::string heading(const File& file, Position at, Severity severity, std::string_view text) {
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

// Of a line: its part around byte `offset` of the file, where it is very long.
struct Part {
    std::string_view text;
    std::size_t begin = 0; // in bytes of the line, at a character
};
Part part_of(std::string_view line, std::size_t offset) {
    constexpr std::size_t most = 1000, before = 200;
    if (line.size() <= most)
        return {line, 0};
    const auto inside = [&](std::size_t k) {
        return k < line.size() && (static_cast<unsigned char>(line[k]) & 0xC0) == 0x80;
    };
    std::size_t begin = offset > before ? offset - before : 0;
    for (unsigned k = 0; k < 3 && begin > 0 && inside(begin); ++k)
        --begin;
    return {line.substr(begin, most), begin};
}

// The line of the span with `^~~~` under it; a span over several lines is marked to the end of its first.
std::string excerpt(const Files& files, Span span, std::uint32_t number) {
    const File& file = file_of(files, span);
    const std::string_view line = line_at(file, span.begin);
    const std::size_t offset =
        std::min<std::size_t>(span.begin, file.text.size()) - static_cast<std::size_t>(line.data() - file.text.data());
    const Part part = part_of(line, offset);
    const std::string text = printable(part.text);
    const std::u32string shown = decode_all(text);
    const std::size_t column = decode_all(printable(part.text.substr(0, offset - part.begin))).size();
    std::string padding;
    for (std::size_t k = 0; k < column; ++k)
        padding += k < shown.size() && shown[k] == U'\t' ? '\t' : ' ';

    const std::string_view marked = text_of(files, span);
    const std::string_view rest = marked.substr(0, std::min<std::size_t>(marked.find('\n'), part.text.size()));
    const std::size_t room = shown.size() - std::min<std::size_t>(shown.size(), column);
    const std::size_t width = std::max<std::size_t>(1, std::min(decode_all(rest).size(), room));
    return fmt::format("{:5} | {}\n      | {}^{}\n", number, text, padding, std::string(width - 1, '~'));
}

// By position, each once: expansion may find the same mistake many times.
std::vector<Diagnostic> in_order(const Diagnostics& diagnostics) {
    std::vector<const Diagnostic*> sorted;
    for (const Diagnostic& diagnostic : diagnostics.list)
        sorted.push_back(&diagnostic);
    std::ranges::stable_sort(sorted, {}, [](const Diagnostic* d) { return std::tuple(d->span.file, d->span.begin); });
    constexpr std::size_t most = 1000;
    std::vector<Diagnostic> kept;
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::string_view>> seen;
    for (const Diagnostic* diagnostic : sorted) {
        const Span span = diagnostic->span;
        if (!seen.insert({span.file, span.begin, span.end, diagnostic->text}).second)
            continue;
        if (kept.size() == most) {
            Diagnostics last;
            last.report(Id::too_many_errors, span, most);
            kept.push_back(last.list[0]);
            break;
        }
        kept.push_back(*diagnostic);
    }
    return kept;
}

// Positions of the diagnostics' beginnings, of their ends, and of notes, each found in increasing order.
struct Finders {
    PositionFinder begin, end, note_begin, note_end;
};

nlohmann::ordered_json json_of(const File& file, Position begin, Position end, Severity severity, const std::string& text) {
    return {{"severity", word_of(severity)}, {"text", text},         {"file", file.path},       {"line", begin.line},
            {"column", begin.column},        {"end_line", end.line}, {"end_column", end.column}};
}

} // namespace

std::string render(const Diagnostics& diagnostics, const Files& files) {
    std::string text;
    Finders find;
    for (const Diagnostic& diagnostic : in_order(diagnostics)) {
        const File& file = file_of(files, diagnostic.span);
        const Position at = find.begin(file, diagnostic.span.begin);
        text += heading(file, at, severity_of(diagnostic.id), diagnostic.text);
        text += excerpt(files, diagnostic.span, at.line);
        for (const Note& note : diagnostic.notes) {
            const File& place = file_of(files, note.span);
            text += heading(place, find.note_begin(place, note.span.begin), Severity::note, note.text);
        }
    }
    return text;
}

std::string render_json(const Diagnostics& diagnostics, const Files& files) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    Finders find;
    for (const Diagnostic& diagnostic : in_order(diagnostics)) {
        const File& file = file_of(files, diagnostic.span);
        auto entry = json_of(file, find.begin(file, diagnostic.span.begin), find.end(file, diagnostic.span.end),
                             severity_of(diagnostic.id), diagnostic.text);
        entry["id"] = name_of(diagnostic.id);
        entry["notes"] = nlohmann::ordered_json::array();
        for (const Note& note : diagnostic.notes) {
            const File& place = file_of(files, note.span);
            entry["notes"].push_back(json_of(place, find.note_begin(place, note.span.begin),
                                             find.note_end(place, note.span.end), Severity::note, note.text));
        }
        list.push_back(std::move(entry));
    }
    // A path or a name may hold broken UTF-8: replaced, never an exception.
    return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

} // namespace tpc::source
