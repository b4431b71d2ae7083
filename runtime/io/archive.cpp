#include "runtime/io/archive.hpp"

#include "runtime/io/header.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include <zlib.h>

namespace tpc::io {
namespace {

constexpr std::uint64_t largest = 0xFFFFFFFF; // of a 32-bit field, where it says "see the ZIP64 field"
constexpr std::uint64_t zip64_extra = 20;     // of a local header

// Little-endian fields.
struct Bytes {
    std::string text;
    Bytes& u16(std::uint64_t value) { return put(value, 2); }
    Bytes& u32(std::uint64_t value) { return put(std::min(value, largest), 4); }
    Bytes& u64(std::uint64_t value) { return put(value, 8); }
    Bytes& put(std::uint64_t value, int bytes) {
        for (int k = 0; k < bytes; ++k)
            text.push_back(static_cast<char>(value >> (8 * k) & 0xFF));
        return *this;
    }
};

bool is_ascii(const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Version needed, flags (names are UTF-8), method 0, midnight of the first of January 1980, checksum.
void common(Bytes& bytes, const std::string& name, bool large, std::uint32_t checksum) {
    bytes.u16(large ? 45 : 20).u16(is_ascii(name) ? 0 : 1 << 11).u16(0).u16(0).u16(1 << 5 | 1).u32(checksum);
}

} // namespace

bool Archive::Placed::large() const {
    return size >= largest;
}

std::string Archive::Placed::local(std::uint32_t checksum) const {
    Bytes bytes;
    bytes.u32(0x04034b50);
    common(bytes, file, large(), checksum);
    bytes.u32(size).u32(size).u16(file.size()).u16(large() ? zip64_extra : 0);
    bytes.text += file;
    if (large())
        bytes.u16(1).u16(16).u64(size).u64(size);
    return bytes.text;
}

std::string Archive::Placed::central(std::uint32_t checksum) const {
    Bytes extra;
    if (large())
        extra.u64(size).u64(size);
    if (at >= largest)
        extra.u64(at);
    constexpr std::uint64_t made_by_unix = 3 << 8 | 45, regular_file = 0100644;
    Bytes bytes;
    bytes.u32(0x02014b50).u16(made_by_unix);
    common(bytes, file, large() || at >= largest, checksum);
    bytes.u32(size).u32(size).u16(file.size()).u16(extra.text.empty() ? 0 : extra.text.size() + 4);
    bytes.u16(0).u16(0).u16(0).put(regular_file << 16, 4).u32(at);
    bytes.text += file;
    if (!extra.text.empty())
        bytes.u16(1).u16(extra.text.size());
    return bytes.text + extra.text;
}

std::uint64_t Archive::directory() const {
    if (members_.empty())
        return 0;
    const Placed& last = members_.back();
    return last.at + (container_ == Container::npz ? last.local(0).size() : 0) + last.size;
}

std::string Archive::directory_of(const std::vector<std::uint32_t>& checksums) const {
    Bytes bytes;
    for (std::size_t k = 0; k < members_.size(); ++k)
        bytes.text += members_[k].central(checksums[k]);
    const std::uint64_t count = members_.size(), size = bytes.text.size(), begin = directory();
    if (begin >= largest || count >= 0xFFFF) {
        bytes.u32(0x06064b50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(count).u64(count).u64(size).u64(begin);
        bytes.u32(0x07064b50).u32(0).u64(begin + size).u32(1);
    }
    const std::uint64_t shown = std::min<std::uint64_t>(count, 0xFFFF);
    bytes.u32(0x06054b50).u16(0).u16(0).u16(shown).u16(shown).u32(size).u32(begin).u16(0);
    return bytes.text;
}

std::uint64_t Archive::add(const std::string& name, const std::vector<std::size_t>& shape) {
    const std::uint64_t count = std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>());
    Placed placed{name + ".npy", format_header(shape, precision_), directory(), 0};
    placed.size = placed.header.size() + count * bytes_of_number();
    members_.push_back(std::move(placed));
    return directory() - count * bytes_of_number();
}

std::uint64_t Archive::size() const {
    const std::vector<std::uint32_t> zeros(members_.size(), 0);
    return directory() + (container_ == Container::npz ? directory_of(zeros).size() : 0);
}

Result<Done> Archive::finish(OutputFile& file, const std::function<void(std::uint64_t)>& done) const {
    std::vector<std::uint32_t> checksums;
    std::vector<unsigned char> buffer(std::size_t{1} << 20);
    for (const Placed& member : members_) {
        std::uint64_t at = member.at + (container_ == Container::npz ? member.local(0).size() : 0);
        if (auto wrote = file.write_at(at, member.header.data(), member.header.size()); !wrote)
            return wrote;
        if (container_ == Container::npy)
            return Done{};
        uLong checksum = ::crc32(0, nullptr, 0);
        const std::uint64_t end = at + member.size;
        while (at < end) {
            const std::size_t size = std::min<std::uint64_t>(buffer.size(), end - at);
            if (auto got = file.read_at(at, buffer.data(), size); !got)
                return got;
            checksum = ::crc32(checksum, buffer.data(), static_cast<uInt>(size));
            at += size;
            if (done)
                done(size);
        }
        checksums.push_back(static_cast<std::uint32_t>(checksum));
        const std::string local = member.local(checksums.back());
        if (auto wrote = file.write_at(member.at, local.data(), local.size()); !wrote)
            return wrote;
    }
    const std::string end = directory_of(checksums);
    return file.write_at(directory(), end.data(), end.size());
}

} // namespace tpc::io
