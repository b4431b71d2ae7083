// Where the arrays of an .npz (or the one of an .npy) lie in the file, known before any of them is: blocks of them can be
// written in any order, and what depends on their bytes comes last.
//
// Members are stored, as numpy.savez stores them. Their checksums are found by reading the finished file once. libzip writes
// members from front to end only, which is why the few records of the format (APPNOTE.TXT 4.3, with the ZIP64 fields where
// 4 GB are passed) are written here; it reads what others wrote.
#pragma once

#include "runtime/io/array.hpp"
#include "runtime/io/output_file.hpp"
#include "runtime/io/result.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tpc::io {

enum class Container { npy, npz };

class Archive {
  public:
    Archive(Container container, Precision precision) : container_(container), precision_(precision) {}

    // Behind the other members; an .npy has one, without a name. Returns where its first number lies.
    std::uint64_t add(const std::string& name, const std::vector<std::size_t>& shape);
    // Of the file, with the members so far.
    [[nodiscard]] std::uint64_t size() const;
    [[nodiscard]] std::uint64_t bytes_of_number() const { return precision_ == Precision::f64 ? 8 : 4; }
    // Everything but the numbers, which are in the file. `done` is told how many bytes have been read.
    Result<Done> finish(OutputFile& file, const std::function<void(std::uint64_t)>& done = nullptr) const;

  private:
    struct Placed {
        std::string file;       // name in the archive
        std::string header;     // of the .npy
        std::uint64_t at = 0;   // where the member begins
        std::uint64_t size = 0; // header and numbers
        [[nodiscard]] bool large() const;
        [[nodiscard]] std::string local(std::uint32_t checksum) const;
        [[nodiscard]] std::string central(std::uint32_t checksum) const;
    };
    Container container_;
    Precision precision_;
    std::vector<Placed> members_;

    [[nodiscard]] std::uint64_t directory() const; // where it begins
    [[nodiscard]] std::string directory_of(const std::vector<std::uint32_t>& checksums) const;
};

} // namespace tpc::io
