// Files given as [NAME=]FILE, bound to what the names are of.
#pragma once

#include "runtime/io/array.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tpc::cli {

// What files may be bound to: an input, an axis.
struct Slot {
    std::string name;
    std::optional<std::size_t> rank; // of one sample, where an archive may hold one array a sample
    std::string declaration;         // "input xi : R[T, d]", "axis T"
};

struct Slots {
    std::string option; // "--input"
    std::string kind;   // "input", "axis"
    std::vector<Slot> list;
};

struct Bound {
    std::string path;                // as errors show it: "X.npz (xi)"
    io::Array array;                 // samples first; or
    std::vector<io::Member> samples; // one array a sample, in the order of the archive
    [[nodiscard]] bool one_by_one() const { return !samples.empty(); }
    [[nodiscard]] std::size_t count() const {
        return one_by_one() ? samples.size() : array.shape.empty() ? 0 : array.shape[0];
    }
    [[nodiscard]] std::string path_of(std::size_t sample) const { return path + " (" + samples[sample].name + ")"; }
};

// By slot. A file without a name goes to the only slot, or is an archive whose members have the names of slots. An archive
// for one slot gives the member of its name, else one array a sample, else its only member. The numbers may be anything:
// what is read of them is checked later. Throws Failure.
std::vector<std::optional<Bound>> bind_files(const Slots& slots, const std::vector<std::string>& texts);

} // namespace tpc::cli
