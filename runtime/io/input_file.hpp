// A file opened for reading, or the reason why not.
#pragma once

#include "runtime/io/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tpc::io {

class InputFile {
  public:
    // Errors: no such file, a folder, no permission.
    static Result<InputFile> open(const std::string& path);

    InputFile(InputFile&& other) noexcept;
    InputFile& operator=(InputFile&&) = delete;
    ~InputFile();

    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] std::optional<std::uint64_t> size() const { return size_; } // none for pipes and devices
    [[nodiscard]] bool starts_with(std::string_view text) const;

  private:
    InputFile() = default;
    int descriptor_ = -1;
    std::optional<std::uint64_t> size_;
};

} // namespace tpc::io
