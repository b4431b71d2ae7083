#include "runtime/io/output_file.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tpc::io {
namespace {

std::string reason(int error) {
    return std::generic_category().message(error);
}

std::string follow_links(const std::string& path) {
    std::error_code problem;
    if (!std::filesystem::is_symlink(path, problem) || problem)
        return path;
    const auto target = std::filesystem::canonical(path, problem);
    return problem ? path : target.string();
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string hidden_name(const std::string& folder) {
    static std::atomic<unsigned> counter{0};
    return fmt::format("{}/.tpc-{}-{}.tmp", folder, ::getpid(), counter++);
}

int open_nameless(const std::string& folder) {
#ifdef O_TMPFILE
    if (::access("/proc/self/fd", X_OK) == 0) // needed to give it a name later
        return ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
#endif
    return -1;
}

} // namespace

Result<OutputFile> OutputFile::create(const std::string& path) {
    OutputFile file;
    file.path_ = path;
    file.target_ = follow_links(path);
    if (path.empty() || path.back() == '/')
        return Error{fmt::format("{}: not the name of a file", path.empty() ? "output" : path)};
    struct stat status {};
    if (::stat(file.target_.c_str(), &status) == 0) {
        if (S_ISDIR(status.st_mode))
            return file.failure(EISDIR);
        if (!S_ISREG(status.st_mode)) // a rename would replace the device
            return Error{fmt::format("{}: cannot write: not a regular file", path)};
        if (::access(file.target_.c_str(), W_OK) != 0)
            return file.failure(errno);
    }
    const std::string folder = folder_of(file.target_);
    file.descriptor_ = open_nameless(folder);
    for (int attempt = 0; file.descriptor_ < 0; ++attempt) {
        const std::string name = hidden_name(folder);
        file.descriptor_ = ::open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
        if (file.descriptor_ >= 0)
            file.temporary_ = name;
        else if (errno != EEXIST || attempt == 1000)
            return file.failure(errno);
    }
    return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)), target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, {})) {}

OutputFile::~OutputFile() {
    if (descriptor_ >= 0)
        ::close(descriptor_);
    if (!temporary_.empty())
        ::unlink(temporary_.c_str());
}

Error OutputFile::failure(int error) const {
    return Error{fmt::format("{}: cannot write: {}", path_, reason(error))};
}

Result<Done> OutputFile::write(const void* data, std::size_t size) {
    const char* bytes = static_cast<const char*>(data);
    while (size > 0) {
        const ::ssize_t wrote = ::write(descriptor_, bytes, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return failure(errno);
        bytes += wrote;
        size -= static_cast<std::size_t>(wrote);
    }
    return Done{};
}

Result<Done> OutputFile::commit() {
    if (temporary_.empty()) {
        const std::string nameless = fmt::format("/proc/self/fd/{}", descriptor_);
        for (int attempt = 0; temporary_.empty(); ++attempt) {
            const std::string name = hidden_name(folder_of(target_));
            if (::linkat(AT_FDCWD, nameless.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0)
                temporary_ = name;
            else if (errno != EEXIST || attempt == 1000)
                return failure(errno);
        }
    }
    // Some file systems report a full disk only here.
    if (::close(std::exchange(descriptor_, -1)) != 0)
        return failure(errno);
    if (std::rename(temporary_.c_str(), target_.c_str()) != 0)
        return failure(errno);
    temporary_.clear();
    return Done{};
}

Result<Done> check_writable(const std::string& path) {
    const auto file = OutputFile::create(path);
    if (!file)
        return file.error();
    return Done{};
}

} // namespace tpc::io
