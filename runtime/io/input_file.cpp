#include "runtime/io/input_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tpc::io {

Result<InputFile> InputFile::open(const std::string& path) {
    InputFile file;
    file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file.descriptor_ < 0 && errno == ENOENT)
        return Error{fmt::format("{}: no such file", path)};
    struct stat status {};
    if (file.descriptor_ < 0 || ::fstat(file.descriptor_, &status) != 0)
        return Error{fmt::format("{}: cannot read: {}", path, std::generic_category().message(errno))};
    if (S_ISDIR(status.st_mode))
        return Error{fmt::format("{}: cannot read: {}", path, std::generic_category().message(EISDIR))};
    if (S_ISREG(status.st_mode))
        file.size_ = static_cast<std::uint64_t>(status.st_size);
    return file;
}

InputFile::InputFile(InputFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

InputFile::~InputFile() {
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

bool InputFile::starts_with(std::string_view text) const {
    std::string start(text.size(), '\0');
    return ::pread(descriptor_, start.data(), start.size(), 0) == static_cast<::ssize_t>(start.size()) && start == text;
}

} // namespace tpc::io
