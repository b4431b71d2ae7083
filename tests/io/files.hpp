// Small files made by hand, in a folder that goes away with the test.
#pragma once

#include "runtime/io/npy.hpp"

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <unistd.h>

struct Folder {
    std::filesystem::path path;

    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "tpc-io-XXXXXX").string();
        path = ::mkdtemp(name.data());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path); }

    [[nodiscard]] std::string file(const std::string& name) const { return (path / name).string(); }
    [[nodiscard]] std::string file(const std::string& name, const std::string& bytes) const {
        std::ofstream(file(name), std::ios::binary) << bytes;
        return file(name);
    }
    [[nodiscard]] std::ptrdiff_t entries() const {
        return std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator());
    }
};

inline std::string contents(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

template <class T> std::string bytes_of(std::initializer_list<T> values, bool big_endian = false) {
    std::string bytes;
    for (const T value : values) {
        std::string item(sizeof(T), '\0');
        std::memcpy(item.data(), &value, sizeof(T));
        bytes += big_endian ? std::string(item.rbegin(), item.rend()) : item;
    }
    return bytes;
}

inline std::string npy(const std::string& dictionary, const std::string& data, char version = 1) {
    std::string bytes = "\x93NUMPY";
    bytes += version;
    bytes += '\0';
    for (unsigned byte = 0; byte < (version == 1 ? 2U : 4U); ++byte)
        bytes += static_cast<char>((dictionary.size() >> (8 * byte)) & 0xff);
    return bytes + dictionary + data;
}

inline std::string simple_npy(const std::string& dtype, const std::string& shape, const std::string& data) {
    return npy("{'descr': '" + dtype + "', 'fortran_order': False, 'shape': " + shape + ", }\n", data);
}
