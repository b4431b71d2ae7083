#include "runtime/io/npy.hpp"

#include "runtime/io/archive.hpp"
#include "runtime/io/decode.hpp"
#include "runtime/io/encode.hpp"
#include "runtime/io/input_file.hpp"
#include "runtime/io/output_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include <unistd.h>

namespace tpc::io {

Result<Array> read_npy(const std::string& path, Numbers numbers) {
    const auto file = InputFile::open(path);
    if (!file)
        return file.error();
    int error = 0;
    ByteStream stream;
    stream.read = [&](char* data, std::size_t size) -> std::ptrdiff_t {
        ::ssize_t got = -1;
        do
            got = ::read(file->descriptor(), data, size);
        while (got < 0 && errno == EINTR);
        error = errno;
        return got;
    };
    stream.problem = [&] { return fmt::format("cannot read: {}", std::generic_category().message(error)); };
    stream.size = file->size();
    stream.plausible = file->size().value_or(0);
    return decode_npy(stream, path, numbers);
}

Result<std::vector<Member>> read_arrays(const std::string& path, Numbers numbers) {
    const auto file = InputFile::open(path);
    if (!file)
        return file.error();
    // Pipes cannot be looked at twice, and archives need seeking: only .npy comes from a pipe.
    if (file->size() && file->starts_with("PK"))
        return read_npz(path, numbers);
    auto array = read_npy(path, numbers);
    if (!array)
        return array.error();
    std::vector<Member> members;
    members.push_back({"", *std::move(array)});
    return members;
}

Result<Done> write_npy(const std::string& path, const Array& array, Precision precision) {
    const auto body = encode(array, precision);
    if (!body)
        return Error{fmt::format("{}: {}", path, body.error().text)};
    auto file = OutputFile::create(path);
    if (!file)
        return file.error();
    Archive archive(Container::npy, precision);
    if (auto wrote = file->write_at(archive.add("", array.shape), body->data, body->size); !wrote)
        return wrote;
    if (auto finished = archive.finish(*file); !finished)
        return finished;
    return file->commit();
}

} // namespace tpc::io
