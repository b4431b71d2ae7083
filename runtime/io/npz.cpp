#include "runtime/io/archive.hpp"
#include "runtime/io/decode.hpp"
#include "runtime/io/encode.hpp"
#include "runtime/io/input_file.hpp"
#include "runtime/io/npy.hpp"

#include <fmt/format.h>

#include <zip.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

namespace tpc::io {
namespace {

constexpr std::string_view suffix = ".npy";

std::string text_of(zip_error_t* error) {
    return zip_error_strerror(error);
}

std::string text_of(int code) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    std::string text = zip_error_strerror(&error);
    zip_error_fini(&error);
    return text;
}

struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
    void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using OpenArchive = std::unique_ptr<zip_t, Discard>;
using ArchiveFile = std::unique_ptr<zip_file_t, Discard>;

// Deflate shrinks by less than 1032; the other methods are not NumPy's. The sizes that an archive states may be false.
std::uint64_t plausible_size(const zip_stat_t& status, std::uint64_t archive_size) {
    return std::min(status.size, std::min(status.comp_size, archive_size) * 1032);
}

Result<Member> read_member(zip_t* archive, zip_uint64_t index, const std::string& path, std::uint64_t archive_size,
                           Numbers numbers) {
    zip_stat_t status;
    if (zip_stat_index(archive, index, 0, &status) != 0)
        return Error{fmt::format("{}: damaged archive: {}", path, zip_strerror(archive))};
    std::string name = status.name;
    if (!name.ends_with(suffix))
        return Error{fmt::format("{}: the member {} is not an .npy array", path, name)};
    name.resize(name.size() - suffix.size());
    const std::string where = fmt::format("{}: member {}", path, name);

    const ArchiveFile file(zip_fopen_index(archive, index, 0));
    if (!file)
        return Error{fmt::format("{}: cannot read: {}", where, zip_strerror(archive))};
    ByteStream stream;
    stream.read = [&](char* data, std::size_t size) -> std::ptrdiff_t { return zip_fread(file.get(), data, size); };
    stream.problem = [&] { return fmt::format("damaged archive: {}", text_of(zip_file_get_error(file.get()))); };
    stream.size = status.size;
    stream.plausible = plausible_size(status, archive_size);
    auto array = decode_npy(stream, where, numbers);
    if (!array)
        return array.error();
    return Member{std::move(name), *std::move(array)};
}

Result<std::vector<Encoded>> encode_all(const std::vector<Member>& members, Precision precision) {
    if (members.empty())
        return Error{"no arrays to write"};
    std::set<std::string_view> names;
    std::vector<Encoded> encoded;
    for (const Member& member : members) {
        if (member.name.empty() || member.name.find('\0') != std::string::npos)
            return Error{"a member without a proper name"};
        if (!names.insert(member.name).second)
            return Error{fmt::format("two members have the name {}", member.name)};
        auto one = encode(member.array, precision);
        if (!one)
            return Error{fmt::format("member {}: {}", member.name, one.error().text)};
        encoded.push_back(*std::move(one));
    }
    return encoded;
}

} // namespace

Result<std::vector<Member>> read_npz(const std::string& path, Numbers numbers) {
    const auto file = InputFile::open(path);
    if (!file)
        return file.error();
    int code = 0;
    const OpenArchive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
    if (!archive && code == ZIP_ER_NOZIP)
        return Error{fmt::format("{}: not an .npz archive, or a truncated one", path)};
    if (!archive)
        return Error{fmt::format("{}: cannot read: {}", path, text_of(code))};
    std::vector<Member> members;
    std::set<std::string> names;
    const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
    for (zip_int64_t i = 0; i < count; ++i) {
        auto member = read_member(archive.get(), static_cast<zip_uint64_t>(i), path, file->size().value_or(0), numbers);
        if (!member)
            return member.error();
        if (!names.insert(member->name).second)
            return Error{fmt::format("{}: two members have the name {}", path, member->name)};
        members.push_back(*std::move(member));
    }
    return members;
}

Result<Done> write_npz(const std::string& path, const std::vector<Member>& members, Precision precision) {
    const auto encoded = encode_all(members, precision);
    if (!encoded)
        return Error{fmt::format("{}: {}", path, encoded.error().text)};
    auto file = OutputFile::create(path);
    if (!file)
        return file.error();
    Archive archive(Container::npz, precision);
    for (std::size_t k = 0; k < members.size(); ++k) {
        const std::uint64_t at = archive.add(members[k].name, members[k].array.shape);
        if (auto wrote = file->write_at(at, (*encoded)[k].data, (*encoded)[k].size); !wrote)
            return wrote;
    }
    if (auto finished = archive.finish(*file); !finished)
        return finished;
    return file->commit();
}

} // namespace tpc::io
