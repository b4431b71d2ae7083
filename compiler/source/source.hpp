// Files, positions in them, and spans.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tpc::source {

// A half-open range of bytes [begin, end) of one file of `Files`.
struct Span {
    std::uint32_t file = 0;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    friend bool operator==(const Span&, const Span&) = default;
};

struct File {
    std::string path; // as the user gave it; diagnostics print it so
    std::string text; // UTF-8
};

// All files of one compilation; `Span::file` indexes `files`.
struct Files {
    std::vector<File> files;
};

// Line and column from 1; columns count Unicode characters, not bytes.
struct Position {
    std::uint32_t line = 1;
    std::uint32_t column = 1;
};

Position position_of(const File& file, std::uint32_t offset);

// Remembers where the last position was found, so that many positions in increasing order take one pass over the file.
class PositionFinder {
  public:
    Position operator()(const File& file, std::uint32_t offset);

  private:
    const File* file_ = nullptr;
    std::size_t at_ = 0;
    Position position_; // of at_
};

// The whole line (without its newline) that holds `offset`.
std::string_view line_at(const File& file, std::uint32_t offset);

// The source text of a span.
std::string_view text_of(const Files& files, Span span);

} // namespace tpc::source
