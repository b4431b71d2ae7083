#include "tests/io/files.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace tpc::io;
using Catch::Matchers::EndsWith;
using Values = std::vector<double>;
using Shape = std::vector<std::size_t>;

namespace {

struct Case {
    const char* dtype;
    std::string data;
    Values values;
};

std::string error_of(const std::string& path) {
    const auto array = read_npy(path);
    REQUIRE_FALSE(array);
    return array.error().text;
}

} // namespace

TEST_CASE("every number type is read, in both byte orders") {
    const Folder folder;
    const Case cases[] = {
        {"<f8", bytes_of({1.5, -1e300}), {1.5, -1e300}},
        {">f8", bytes_of({1.5, -1e300}, true), {1.5, -1e300}},
        {"<f4", bytes_of({0.5F, -2.0F}), {0.5, -2}},
        {">f4", bytes_of({0.5F, -2.0F}, true), {0.5, -2}},
        {"|i1", bytes_of<std::int8_t>({-128, 127}), {-128, 127}},
        {"|u1", bytes_of<std::uint8_t>({0, 255}), {0, 255}},
        {"<i2", bytes_of<std::int16_t>({-300, 2}), {-300, 2}},
        {">u2", bytes_of<std::uint16_t>({65535, 1}, true), {65535, 1}},
        {">i4", bytes_of<std::int32_t>({-70000, 1}, true), {-70000, 1}},
        {"<u4", bytes_of<std::uint32_t>({4000000000U, 1}), {4e9, 1}},
        {"<i8", bytes_of<std::int64_t>({-(1LL << 53), 1}), {-9007199254740992.0, 1}},
        {">u8", bytes_of<std::uint64_t>({1ULL << 63, 1}, true), {9223372036854775808.0, 1}},
        {"|b1", std::string("\0\1", 2), {0, 1}},
    };
    for (const Case& one : cases) {
        INFO(one.dtype);
        const auto array = read_npy(folder.file("x.npy", simple_npy(one.dtype, "(2,)", one.data)));
        REQUIRE(array);
        CHECK(array->shape == Shape{2});
        CHECK(array->values == one.values);
        CHECK(array->integers == (one.dtype[1] == 'i' || one.dtype[1] == 'u'));
    }
}

TEST_CASE("numbers that are not finite are taken where the caller asks for it") {
    const Folder folder;
    const double infinity = std::numeric_limits<double>::infinity();
    const std::string path = folder.file("x.npy", simple_npy("<f8", "(2, 2)", bytes_of({1.0, 2.0, 3.0, infinity})));
    const auto members = read_arrays(path, Numbers::any);
    REQUIRE(members);
    const Array& array = members->front().array;
    CHECK(array.values == Values{1, 2, 3, infinity});
    CHECK(find_not_finite(array.shape, array.values) == "infinite number at [1, 1]");
    CHECK(find_not_finite(array.shape, std::span(array.values).first(3)) == std::nullopt);
    CHECK(find_not_finite(array.shape, std::span(array.values).subspan(2), 2) == "infinite number at [1, 1]");
}

TEST_CASE("Fortran order becomes C order") {
    const Folder folder;
    // x[i, j, k] = 100 i + 10 j + k of shape (2, 3, 2), first index fastest
    const std::string data = bytes_of<std::uint8_t>({0, 100, 10, 110, 20, 120, 1, 101, 11, 111, 21, 121});
    const auto array = read_npy(folder.file("x.npy", npy("{'descr':'|u1','fortran_order':True,'shape':(2,3,2)}", data)));
    REQUIRE(array);
    CHECK(array->values == Values{0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121});
}

TEST_CASE("headers of all versions, with keys in any order") {
    const Folder folder;
    const std::string header = "{\"shape\": (1L, 2L), 'fortran_order': False, 'descr': '<f4'}   \n";
    for (const char version : {'\1', '\2', '\3'}) {
        const auto array = read_npy(folder.file("x.npy", npy(header, bytes_of({1.0F, 2.0F}), version)));
        REQUIRE(array);
        CHECK(array->shape == Shape{1, 2});
        CHECK(array->values == Values{1, 2});
    }
    CHECK_THAT(error_of(folder.file("x.npy", npy(header, "", 4))),
               EndsWith("version 4 of the NumPy format is not supported (1 to 3 are)"));
}

TEST_CASE("scalars and empty arrays") {
    const Folder folder;
    const auto scalar = read_npy(folder.file("x.npy", simple_npy("<f8", "()", bytes_of({7.0}))));
    REQUIRE(scalar);
    CHECK(scalar->shape.empty());
    CHECK(scalar->values == Values{7});
    const auto empty = read_npy(folder.file("x.npy", simple_npy("<f8", "(3, 0)", "")));
    REQUIRE(empty);
    CHECK(empty->shape == Shape{3, 0});
    CHECK(empty->values.empty());
}

TEST_CASE("unusable .npy files give one line that says why") {
    const Folder folder;
    const auto error = [&](const std::string& bytes) { return error_of(folder.file("x.npy", bytes)); };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();

    CHECK(error_of(folder.file("missing.npy")) == folder.file("missing.npy") + ": no such file");
    CHECK_THAT(error_of(folder.path.string()), EndsWith(": cannot read: Is a directory"));
    CHECK(error("") == folder.file("x.npy") + ": not a NumPy file");
    CHECK_THAT(error("1,2\n3,4\n5,6\n"), EndsWith(": not a NumPy file"));
    CHECK_THAT(error("PK\3\4--------"), EndsWith(": this is an .npz archive, not an .npy file"));
    CHECK_THAT(error(simple_npy("<f8", "(2,)", "").substr(0, 40)), EndsWith(": truncated NumPy header"));
    CHECK_THAT(error(std::string("\x93NUMPY\2\0\xff\xff\xff\xff{", 13)), EndsWith(": damaged NumPy header"));
    CHECK_THAT(error(simple_npy("<f8", "(2,)", bytes_of({1.0}))),
               EndsWith(": truncated: shape (2,) needs 16 bytes of data, the file has 8"));
    CHECK_THAT(error(simple_npy("<f8", "(1,)", bytes_of({1.0, 2.0}))),
               EndsWith(": has more data than its shape (1,) needs"));
    CHECK_THAT(error(simple_npy("<c16", "(1,)", "")),
               EndsWith(": dtype '<c16' is not supported (float32, float64, integers and bool are)"));
    CHECK_THAT(error(npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", "")),
               EndsWith(": arrays of records are not supported"));
    CHECK_THAT(error(simple_npy("<f8", "(2, 2)", bytes_of({1.0, 2.0, nan, infinity}))), EndsWith(": NaN at [1, 0]"));
    CHECK_THAT(error(simple_npy("<f8", "()", bytes_of({-infinity}))), EndsWith(": infinite number at []"));
    for (const char* shape : {"(4294967296, 4294967296)", "(9223372036854775807,)"})
        CHECK_THAT(error(simple_npy("<f8", shape, "")), EndsWith(std::string(": impossibly large shape ") + shape));
    CHECK_THAT(error(simple_npy("|u1", "(1000000000000000000,)", "")), EndsWith("the file has 0"));
    for (const char* header :
         {"", "{", "{'descr': '<f8'}", "{'shape': (1,), 'shape': (1,)}",
          "{'descr': '<f8', 'fortran_order': 1, 'shape': (1,)}", "{'descr': '<f8', 'fortran_order': True, 'shape': (-1,)}",
          "{'descr': '<f8', 'fortran_order': True, 'shape': (1 2)}",
          "{'descr': '<f8', 'fortran_order': True, 'shape': (99999999999999999999,)}",
          "{'descr': '<f8', 'fortran_order': True, 'shape': (1,), 'more': 1}"})
        CHECK_THAT(error(npy(header, bytes_of({1.0}))), EndsWith(": damaged NumPy header"));
}

TEST_CASE("no cut or changed byte of a file crashes a reader") {
    const Folder folder;
    const std::string npz = folder.file("x.npz");
    REQUIRE(write_npz(npz, {{"a", {{2, 1}, {1, 2}}}, {"b", {{}, {3}}}}));
    for (const std::string& whole : {contents(npz), simple_npy("<f8", "(2, 1)", bytes_of({1.0, 2.0}))}) {
        for (std::size_t length = 0; length < whole.size(); length += 3)
            CHECK_FALSE(read_arrays(folder.file("cut", whole.substr(0, length))));
        for (std::size_t at = 0; at < whole.size(); ++at) {
            std::string changed = whole;
            changed[at] = static_cast<char>(changed[at] ^ 0xff);
            const auto members = read_arrays(folder.file("changed", changed));
            if (!members)
                CHECK(members.error().text.find('\n') == std::string::npos);
        }
    }
}
