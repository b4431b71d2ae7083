#include "runtime/io/journal.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

namespace tpc::io {
namespace {

constexpr std::size_t mark = 9; // eight digits of the checksum and a space

std::string marked(const std::string& line) {
    const uLong checksum =
        ::crc32(::crc32(0, nullptr, 0), reinterpret_cast<const unsigned char*>(line.data()), static_cast<uInt>(line.size()));
    return fmt::format("{:08x} {}\n", checksum, line);
}

Error failure(const std::string& path) {
    return Error{fmt::format("{}: cannot write: {}", path, std::generic_category().message(errno))};
}

Result<Done> write_all(int descriptor, const std::string& path, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const ::ssize_t wrote = ::write(descriptor, text.data() + at, text.size() - at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return failure(path);
        at += static_cast<std::size_t>(wrote);
    }
    if (::fdatasync(descriptor) != 0 && errno != EINVAL && errno != EROFS)
        return failure(path);
    return Done{};
}

} // namespace

Result<std::vector<std::string>> Journal::read(const std::string& path) {
    std::vector<std::string> lines;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        if (errno == ENOENT)
            return lines;
        return Error{fmt::format("{}: cannot read: {}", path, std::generic_category().message(errno))};
    }
    std::stringstream text;
    text << file.rdbuf();
    std::string line;
    while (std::getline(text, line)) {
        std::string content = line.size() >= mark ? line.substr(mark) : "";
        if (text.eof() || marked(content) != line + "\n") // without its line break, or damaged
            break;
        lines.push_back(std::move(content));
    }
    return lines;
}

Result<Journal> Journal::begin(const std::string& path, const std::vector<std::string>& lines) {
    Journal journal;
    journal.path_ = path;
    const std::string fresh = path + ".new";
    journal.descriptor_ = ::open(fresh.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND | O_CLOEXEC, 0666);
    if (journal.descriptor_ < 0)
        return failure(path);
    std::string text;
    for (const std::string& line : lines)
        text += marked(line);
    auto wrote = write_all(journal.descriptor_, path, text);
    if (wrote && std::rename(fresh.c_str(), path.c_str()) != 0)
        wrote = failure(path);
    if (!wrote) {
        ::unlink(fresh.c_str());
        return wrote.error();
    }
    return journal;
}

Journal::Journal(Journal&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

Journal::~Journal() {
    if (descriptor_ >= 0)
        ::close(descriptor_);
}

Result<Done> Journal::add(const std::string& line) {
    return write_all(descriptor_, path_, marked(line));
}

void Journal::remove() {
    ::unlink(path_.c_str());
}

} // namespace tpc::io
