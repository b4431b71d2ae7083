#include "runtime/io/output_file.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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

// Bytes that a file of this size does not have yet, and that the disk has.
struct Room {
    std::uint64_t missing = 0, free = 0;
};

std::optional<Room> room_of(int descriptor, std::uint64_t size) {
    struct stat status {};
    struct statvfs disk {};
    if (descriptor < 0 || ::fstat(descriptor, &status) != 0 || ::fstatvfs(descriptor, &disk) != 0)
        return std::nullopt;
    const auto has = static_cast<std::uint64_t>(status.st_blocks) * 512;
    return Room{size > has ? size - has : 0, static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize};
}

} // namespace

Result<Done> OutputFile::aim(const std::string& path) {
    path_ = path;
    target_ = follow_links(path);
    if (path.empty() || path.back() == '/')
        return Error{fmt::format("{}: not the name of a file", path.empty() ? "output" : path)};
    struct stat status {};
    if (::stat(target_.c_str(), &status) != 0)
        return Done{};
    if (S_ISDIR(status.st_mode))
        return failure(EISDIR);
    if (!S_ISREG(status.st_mode)) // a rename would replace the device
        return Error{fmt::format("{}: cannot write: not a regular file", path)};
    if (::access(target_.c_str(), W_OK) != 0)
        return failure(errno);
    return Done{};
}

Result<OutputFile> OutputFile::create(const std::string& path) {
    OutputFile file;
    if (auto aimed = file.aim(path); !aimed)
        return aimed.error();
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

std::string part_of(const std::string& path) {
    return follow_links(path) + ".part";
}

Result<OutputFile> OutputFile::resume(const std::string& path) {
    OutputFile file;
    if (auto aimed = file.aim(path); !aimed)
        return aimed.error();
    file.kept_ = true;
    file.temporary_ = part_of(path);
    file.descriptor_ = ::open(file.temporary_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666);
    if (file.descriptor_ < 0)
        return Error{fmt::format("{}: cannot write: {}", part_of(path), reason(errno))};
    if (::flock(file.descriptor_, LOCK_EX | LOCK_NB) != 0)
        return Error{fmt::format("{}: another run is writing it", part_of(path))};
    return file;
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), kept_(other.kept_), size_(other.size_),
      path_(std::move(other.path_)), target_(std::move(other.target_)), temporary_(std::exchange(other.temporary_, {})) {}

OutputFile::~OutputFile() {
    if (!kept_)
        discard();
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

void OutputFile::discard() {
    if (!temporary_.empty())
        ::unlink(temporary_.c_str());
    temporary_.clear();
    kept_ = false;
}

std::string show_bytes(std::uint64_t bytes) {
    const auto number = static_cast<double>(bytes);
    return number < 1e6    ? fmt::format("{:.3g} kB", number / 1e3)
           : number < 1e9  ? fmt::format("{:.3g} MB", number / 1e6)
           : number < 1e12 ? fmt::format("{:.3g} GB", number / 1e9)
                           : fmt::format("{:.3g} TB", number / 1e12);
}

Error OutputFile::failure(int error) const {
    const std::string text = fmt::format("{}: cannot write: {}", path_, reason(error));
    const auto room = room_of(descriptor_, size_);
    if (error != ENOSPC || !room)
        return Error{text};
    return Error{
        fmt::format("{}: {} more are needed and {} are free", text, show_bytes(room->missing), show_bytes(room->free))};
}

Result<Done> OutputFile::reserve(std::uint64_t size) {
    size_ = size;
    const auto room = room_of(descriptor_, size_);
    if (room && room->missing > room->free) // asked before the disk is filled for nothing
        return failure(ENOSPC);
    if (::ftruncate(descriptor_, static_cast<::off_t>(size)) != 0)
        return failure(errno);
    int error = 0;
    do
        error = ::fallocate(descriptor_, 0, 0, static_cast<::off_t>(size)) != 0 ? errno : 0;
    while (error == EINTR);
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        return failure(error);
    return Done{}; // other errors: the file system cannot say
}

Result<Done> OutputFile::write_at(std::uint64_t offset, const void* data, std::size_t size) {
    const char* bytes = static_cast<const char*>(data);
    while (size > 0) {
        const ::ssize_t wrote = ::pwrite(descriptor_, bytes, size, static_cast<::off_t>(offset));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return failure(errno);
        bytes += wrote;
        offset += static_cast<std::uint64_t>(wrote);
        size -= static_cast<std::size_t>(wrote);
    }
    return Done{};
}

Result<Done> OutputFile::read_at(std::uint64_t offset, void* data, std::size_t size) const {
    char* bytes = static_cast<char*>(data);
    while (size > 0) {
        const ::ssize_t got = ::pread(descriptor_, bytes, size, static_cast<::off_t>(offset));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return Error{fmt::format("{}: cannot read back: {}", path_, got == 0 ? "it is too short" : reason(errno))};
        bytes += got;
        offset += static_cast<std::uint64_t>(got);
        size -= static_cast<std::size_t>(got);
    }
    return Done{};
}

Result<Done> OutputFile::sync() {
    // Devices and file systems that cannot be synchronised are no reason to stop.
    if (::fdatasync(descriptor_) != 0 && errno != EINVAL && errno != EROFS)
        return failure(errno);
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
    kept_ = false;
    return Done{};
}

Result<Done> check_writable(const std::string& path) {
    const auto file = OutputFile::create(path);
    if (!file)
        return file.error();
    return Done{};
}

} // namespace tpc::io
