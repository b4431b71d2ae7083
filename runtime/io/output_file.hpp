// A file that appears under its name only when it is complete.
#pragma once

#include "runtime/io/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tpc::io {

// Bytes go to a nameless file in the folder of `path` (a hidden one where the file system has no nameless files), which
// `commit` renames over `path`. Without commit nothing is left behind, and with nameless files not even by a killed process.
class OutputFile {
  public:
    // Errors: a missing folder, no permission, `path` exists and is a folder, a device or write-protected.
    static Result<OutputFile> create(const std::string& path);
    // The same with a file `path`.part, which stays unless it is committed or discarded, and is opened as it was. Also
    // refused: another process has it open.
    static Result<OutputFile> resume(const std::string& path);

    OutputFile(OutputFile&& other) noexcept;
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();

    // Of this many bytes, with room for them on the disk where the file system can reserve it. Errors say how much is
    // missing.
    Result<Done> reserve(std::uint64_t size);
    Result<Done> write_at(std::uint64_t offset, const void* data, std::size_t size);
    Result<Done> read_at(std::uint64_t offset, void* data, std::size_t size) const;
    // Until what was written is on the disk.
    Result<Done> sync();
    Result<Done> commit();
    void discard();

  private:
    OutputFile() = default;
    [[nodiscard]] Error failure(int error) const;
    Result<Done> aim(const std::string& path);

    int descriptor_ = -1;
    bool kept_ = false;
    std::uint64_t size_ = 0; // reserved
    std::string path_;       // as the user wrote it
    std::string target_;     // links followed
    std::string temporary_;  // empty: nameless
};

// The name of the file that OutputFile::resume writes to.
std::string part_of(const std::string& path);

// Whether `path` could be written now: ask before a long computation, not after.
Result<Done> check_writable(const std::string& path);

// "7.2 GB"
std::string show_bytes(std::uint64_t bytes);

} // namespace tpc::io
