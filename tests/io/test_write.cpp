#include "runtime/io/archive.hpp"
#include "runtime/io/journal.hpp"
#include "runtime/io/output_file.hpp"
#include "tests/io/files.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <limits>

#include <sys/resource.h>
#include <sys/stat.h>

using namespace tpc::io;
using Catch::Matchers::EndsWith;

namespace {

const Array matrix{{2, 3}, {0.1, -2, 3e-300, 4, 5, 6}};

std::string error_of(const Result<Done>& result) {
    return result ? "no error" : result.error().text;
}

std::string python_with_numpy() {
    for (const std::string python : {"python3", "/usr/bin/python3"})
        if (std::system((python + " -c 'import numpy' 2> /dev/null").c_str()) == 0)
            return python;
    return {};
}

} // namespace

TEST_CASE("what is written is read back") {
    const Folder folder;
    const std::string npy = folder.file("x.npy"), npz = folder.file("x.npz");
    const std::vector<Member> members{
        {"ntk", matrix}, {"nngp.f", {{}, {0.25}}}, {"λ", {{0, 2}, {}}}, {"long", {std::vector<std::size_t>(30, 1), {1}}}};
    for (const Precision precision : {Precision::f64, Precision::f32}) {
        REQUIRE(write_npy(npy, matrix, precision));
        const auto array = read_npy(npy);
        REQUIRE(array);
        CHECK(array->shape == matrix.shape);
        for (std::size_t i = 0; i < matrix.values.size(); ++i)
            CHECK(array->values[i] ==
                  (precision == Precision::f64 ? matrix.values[i] : static_cast<float>(matrix.values[i])));

        REQUIRE(write_npz(npz, members, precision));
        const auto back = read_arrays(npz);
        REQUIRE(back);
        REQUIRE(back->size() == members.size());
        for (std::size_t i = 0; i < members.size(); ++i) {
            CHECK((*back)[i].name == members[i].name);
            CHECK((*back)[i].array.shape == members[i].array.shape);
        }
        CHECK((*back)[0].array.values == array->values);
        CHECK((*back)[1].array.values == std::vector<double>{0.25});
    }
    CHECK((contents(npy).size() - 6 * sizeof(float)) % 64 == 0);
    CHECK(folder.entries() == 2);
}

TEST_CASE("NumPy reads our files and we read NumPy's") {
    const std::string python = python_with_numpy();
    if (python.empty()) {
        WARN("no NumPy here: not tested");
        return;
    }
    const Folder folder;
    REQUIRE(write_npy(folder.file("x.npy"), {{3}, {1, 2, 3}}, Precision::f32));
    REQUIRE(write_npz(folder.file("x.npz"), {{"ntk", matrix}, {"nngp.f", {{}, {0.25}}}}));
    const std::string script = folder.file("check.py", R"(
import numpy as np
x = np.load("x.npy")
assert x.dtype == np.float32 and x.shape == (3,) and list(x) == [1, 2, 3]
z = np.load("x.npz")
assert z.files == ["ntk", "nngp.f"] and z["nngp.f"].shape == () and z["nngp.f"] == 0.25
assert np.array_equal(z["ntk"], [[0.1, -2, 3e-300], [4, 5, 6]])
m = np.arange(24).reshape(2, 3, 4)
with open("versions.npy", "wb") as f:
    np.lib.format.write_array(f, np.asfortranarray(m.astype(">i2")), version=(3, 0))
np.savez_compressed("z.npz", m=m, t=m.transpose(2, 0, 1) % 2 == 0, big=np.zeros((1000, 1000)))
)");
    REQUIRE(std::system(("cd " + folder.path.string() + " && " + python + " " + script).c_str()) == 0);

    const auto fortran = read_npy(folder.file("versions.npy"));
    const auto members = read_npz(folder.file("z.npz"));
    REQUIRE(fortran);
    REQUIRE(members);
    REQUIRE(members->size() == 3);
    CHECK(fortran->shape == std::vector<std::size_t>{2, 3, 4});
    for (std::size_t i = 0; i < 24; ++i) {
        CHECK(fortran->values[i] == static_cast<double>(i));
        CHECK((*members)[0].array.values[i] == static_cast<double>(i));
    }
    CHECK((*members)[1].array.shape == std::vector<std::size_t>{4, 2, 3});
    CHECK((*members)[1].array.values[6] == 0); // m[0, 0, 1] = 1 is odd
    CHECK((*members)[2].array.values.size() == 1000000);
}

TEST_CASE("unusable archives give one line that says why") {
    const Folder folder;
    const std::string path = folder.file("x.npz");
    const auto error = [&] {
        const auto members = read_npz(path);
        return members ? "no error" : members.error().text;
    };
    CHECK(error() == path + ": no such file");
    REQUIRE(write_npz(path, {{"ntk", matrix}}));
    const std::string whole = contents(path);

    std::string changed = whole;
    changed[whole.find('\n', whole.find('}')) + 2] ^= 1; // in the first number: only the checksum notices
    (void)folder.file("x.npz", changed);
    CHECK_THAT(error(), EndsWith(": member ntk: damaged archive: CRC error"));
    (void)folder.file("x.npz", whole.substr(0, whole.size() - 30));
    CHECK(error() == path + ": not an .npz archive, or a truncated one");
    changed = whole;
    for (std::size_t at; (at = changed.find("ntk.npy")) != std::string::npos;)
        changed.replace(at, 7, "ntk.txt");
    (void)folder.file("x.npz", changed);
    CHECK_THAT(error(), EndsWith(": the member ntk.txt is not an .npy array"));
    REQUIRE(write_npz(path, {{"a", {{1}, {std::numeric_limits<double>::quiet_NaN()}}}}));
    CHECK_THAT(error(), EndsWith(": member a: NaN at [0]"));
}

TEST_CASE("what cannot be written is refused and leaves the folder as it was") {
    const Folder folder;
    const std::string old = folder.file("old.npz", "old");
    const std::string missing = folder.file("missing/x.npy");
    CHECK(error_of(write_npy(missing, matrix)) == missing + ": cannot write: No such file or directory");
    CHECK(error_of(check_writable(missing)) == missing + ": cannot write: No such file or directory");
    CHECK_THAT(error_of(write_npz(folder.path.string(), {{"a", matrix}})), EndsWith(": cannot write: Is a directory"));
    CHECK_THAT(error_of(write_npy("/dev/null", matrix)), EndsWith(": cannot write: not a regular file"));
    CHECK_THAT(error_of(write_npz(old, {})), EndsWith(": no arrays to write"));
    CHECK_THAT(error_of(write_npz(old, {{"a", matrix}, {"a", matrix}})), EndsWith(": two members have the name a"));
    CHECK_THAT(error_of(write_npz(old, {{"a", {{7}, {1}}}})), EndsWith(": member a: shape (7,) does not fit 1 values"));
    CHECK_THAT(error_of(write_npy(old, {{2}, {1, 1e39}}, Precision::f32)),
               EndsWith(": 1e+39 at [1] is beyond the range of float32"));
    CHECK(check_writable(old));
    CHECK(contents(old) == "old");
    CHECK(folder.entries() == 1);
}

TEST_CASE("a failure in the middle of writing leaves the old file") {
    const Folder folder;
    const std::string old = folder.file("x.npz", "old");
    const Array large{{5000}, std::vector<double>(5000, 1)};
    struct rlimit limit {};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const struct rlimit small { 10000, limit.rlim_max };
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
    const auto npz = write_npz(old, {{"a", large}});
    const auto npy = write_npy(old, large);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::signal(SIGXFSZ, handler);
    CHECK_THAT(error_of(npz), EndsWith(": cannot write: File too large"));
    CHECK_THAT(error_of(npy), EndsWith(": cannot write: File too large"));
    CHECK(contents(old) == "old");
    CHECK(folder.entries() == 1);
}

TEST_CASE("a link is kept and what it points to replaced") {
    const Folder folder;
    const std::string target = folder.file("target.npy", "old"), link = folder.file("link.npy");
    std::filesystem::create_symlink("target.npy", link);
    REQUIRE(write_npy(link, matrix));
    CHECK(std::filesystem::is_symlink(link));
    CHECK(read_npy(target));
    CHECK(folder.entries() == 2);
}

TEST_CASE("archives of more than 4 GB, written in any order") {
    const std::string python = python_with_numpy();
    if (python.empty()) {
        WARN("no NumPy here: not tested");
        return;
    }
    const Folder folder;
    const std::string path = folder.file("x.npz");
    {
        auto file = OutputFile::create(path);
        REQUIRE(file);
        Archive archive(Container::npz, Precision::f32);
        const std::uint64_t rows = 1 << 15, columns = (1 << 15) + 1;
        const std::uint64_t large = archive.add("large", {rows, columns}), small = archive.add("small", {2});
        const float numbers[] = {1, 2};
        REQUIRE(file->write_at(small, numbers, sizeof numbers));
        REQUIRE(file->write_at(large + (rows * columns - 2) * 4, numbers, sizeof numbers)); // the rest is a hole
        REQUIRE(archive.finish(*file));
        REQUIRE(file->commit());
        CHECK(std::filesystem::file_size(path) == archive.size());
    }
    const std::string script = folder.file("check.py", R"(
import zipfile
import numpy as np
z = np.load("x.npz")
assert z.files == ["large", "small"] and list(z["small"]) == [1, 2]
with zipfile.ZipFile("x.npz").open("large.npy") as f:
    assert np.lib.format.read_magic(f) == (1, 0)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(f)
    assert shape == (2 ** 15, 2 ** 15 + 1) and dtype == np.float32
    while block := f.read(1 << 24):  # to the end, where the checksum is compared
        last = block
assert list(np.frombuffer(last[-8:], np.float32)) == [1, 2]
)");
    CHECK(std::system(("cd " + folder.path.string() + " && " + python + " " + script).c_str()) == 0);
}

TEST_CASE("a file that is kept is found again, and by one process at a time") {
    const Folder folder;
    const std::string path = folder.file("x.npz");
    {
        auto file = OutputFile::resume(path);
        REQUIRE(file);
        REQUIRE(file->reserve(8));
        REQUIRE(file->write_at(2, "abc", 3));
        CHECK_THAT(error_of(OutputFile::resume(path) ? Result<Done>(Done{}) : OutputFile::resume(path).error()),
                   EndsWith("x.npz.part: another run is writing it"));
    }
    CHECK(contents(path + ".part") == std::string("\0\0abc\0\0\0", 8));
    auto file = OutputFile::resume(path);
    REQUIRE(file);
    char back[3];
    REQUIRE(file->read_at(2, back, 3));
    CHECK(std::string(back, 3) == "abc");
    CHECK_THAT(error_of(file->read_at(7, back, 3)), EndsWith(": cannot read back: it is too short"));
    const auto huge = file->reserve(std::uint64_t{1} << 60);
    CHECK_THAT(error_of(huge), Catch::Contains("cannot write: No space left on device: 1.15e+06 TB more are needed and "));
    CHECK(contents(path + ".part").size() == 8);
    REQUIRE(file->commit());
    CHECK(contents(path).size() == 8);
    CHECK(folder.entries() == 1);
}

TEST_CASE("a journal holds the lines that were written to their ends") {
    const Folder folder;
    const std::string path = folder.file("journal");
    CHECK(Journal::read(path)->empty());
    {
        auto journal = Journal::begin(path, {"head", "1"});
        REQUIRE(journal);
        REQUIRE(journal->add("2"));
    }
    const std::string whole = contents(path);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        (void)folder.file("journal", whole.substr(0, size));
        const auto lines = Journal::read(path);
        REQUIRE(lines);
        CHECK(lines->size() == static_cast<std::size_t>(std::count(whole.begin(), whole.begin() + size, '\n')));
    }
    std::string damaged = whole;
    damaged[whole.find("1\n")] = '7';
    (void)folder.file("journal", damaged);
    CHECK(*Journal::read(path) == std::vector<std::string>{"head"});
}
