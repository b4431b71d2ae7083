#include "runtime/io/decode.hpp"
#include "runtime/io/encode.hpp"
#include "runtime/io/input_file.hpp"
#include "runtime/io/npy.hpp"
#include "runtime/io/zip_sink.hpp"

#include <fmt/format.h>

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
    void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using ArchiveFile = std::unique_ptr<zip_file_t, Discard>;
using Source = std::unique_ptr<zip_source_t, Discard>;

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

Result<Done> add_member(zip_t* archive, const std::string& name, const Encoded& encoded) {
    // The bytes are borrowed until the archive is closed, and only read.
    const zip_buffer_fragment_t parts[] = {
        {reinterpret_cast<zip_uint8_t*>(const_cast<char*>(encoded.header.data())), encoded.header.size()},
        {static_cast<zip_uint8_t*>(const_cast<void*>(encoded.data)), encoded.size}};
    Source source(zip_source_buffer_fragment(archive, parts, encoded.size > 0 ? 2 : 1, 0));
    const std::string file = name + std::string(suffix);
    const zip_int64_t index = source ? zip_file_add(archive, file.c_str(), source.get(), ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0)
        return Error{zip_strerror(archive)};
    source.release(); // now the archive's
    const auto at = static_cast<zip_uint64_t>(index);
    constexpr zip_uint16_t first_of_january_1980 = 1 << 5 | 1;
    if (zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive, at, 0, first_of_january_1980, 0) != 0)
        return Error{zip_strerror(archive)};
    return Done{};
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

Result<Done> write_archive(OutputFile& file, const std::string& path, const std::vector<Member>& members,
                           const std::vector<Encoded>& encoded) {
    ZipSink sink{&file, {}, {}};
    const auto failure = [&](const std::string& text) {
        return sink.failure ? *sink.failure : Error{fmt::format("{}: cannot write: {}", path, text)};
    };
    Source source(make_zip_source(sink));
    if (!source)
        return failure(text_of(&sink.error));
    zip_error_t error;
    zip_error_init(&error);
    Archive archive(zip_open_from_source(source.get(), ZIP_CREATE | ZIP_TRUNCATE, &error));
    if (!archive)
        return failure(text_of(&error));
    source.release(); // now the archive's
    for (std::size_t i = 0; i < members.size(); ++i)
        if (auto added = add_member(archive.get(), members[i].name, encoded[i]); !added)
            return failure(added.error().text);
    if (zip_close(archive.get()) != 0)
        return failure(zip_strerror(archive.get()));
    archive.release();
    return Done{};
}

} // namespace

Result<std::vector<Member>> read_npz(const std::string& path, Numbers numbers) {
    const auto file = InputFile::open(path);
    if (!file)
        return file.error();
    int code = 0;
    const Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
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
    if (auto wrote = write_archive(*file, path, members, *encoded); !wrote)
        return wrote;
    return file->commit();
}

} // namespace tpc::io
