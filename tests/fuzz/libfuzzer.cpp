// A target under libFuzzer, which mutates bytes; three times of four, the project's own mutations.
#include "tests/fuzz/targets.hpp"

#include <algorithm>
#include <cstring>

namespace {

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tpc::fuzz::run(text_of(data, size));
    return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    if (seed % 4 == 0)
        return LLVMFuzzerMutate(data, size, most);
    const std::string made = tpc::fuzz::mutated(text_of(data, size), seed);
    const std::size_t length = std::min(made.size(), most);
    std::memcpy(data, made.data(), length);
    return length;
}
