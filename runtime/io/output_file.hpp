// A file that appears under its name only when it is complete.
#pragma once

#include "runtime/io/result.hpp"

#include <cstddef>
#include <string>

namespace tpc::io {

// Bytes go to a nameless file in the folder of `path` (a hidden one where the file system has no nameless files), which
// `commit` renames over `path`. Without commit nothing is left behind, and with nameless files not even by a killed process.
class OutputFile {
  public:
    // Errors: a missing folder, no permission, `path` exists and is a folder, a device or write-protected.
    static Result<OutputFile> create(const std::string& path);

    OutputFile(OutputFile&& other) noexcept;
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();

    [[nodiscard]] int descriptor() const { return descriptor_; }
    Result<Done> write(const void* data, std::size_t size);
    Result<Done> commit();

  private:
    OutputFile() = default;
    [[nodiscard]] Error failure(int error) const;

    int descriptor_ = -1;
    std::string path_;      // as the user wrote it
    std::string target_;    // links followed
    std::string temporary_; // empty: nameless
};

// Whether `path` could be written now: ask before a long computation, not after.
Result<Done> check_writable(const std::string& path);

} // namespace tpc::io
