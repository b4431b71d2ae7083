// What is fuzzed. Each takes any bytes, and aborts where a promise is broken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tpc::fuzz {

// A text through the parser, names, elements and the check: either a program or an error, each message at a place of the
// text that renders; and `fmt` keeps the syntax tree and its own layout. A first line `#-D name=value ...` gives defines.
void front_end(std::string_view text);

// The bytes choose a random valid program (tests::spec_of), which goes through all stages; its kernels have their
// properties.
void all_stages(std::string_view bytes);

// A text with a few tokens changed, swapped, repeated or taken out; bytes with a few of them changed.
std::string mutated_text(std::string_view text, std::uint64_t seed);
std::string mutated_bytes(std::string_view bytes, std::uint64_t seed);

struct Target {
    const char* name;
    void (*run)(std::string_view);
    std::string (*mutate)(std::string_view, std::uint64_t);
};
constexpr Target targets[] = {{"front_end", front_end, mutated_text}, {"all_stages", all_stages, mutated_bytes}};

// Prints the promise and aborts unless it holds.
void require(bool holds, std::string_view promise, std::string_view text);

} // namespace tpc::fuzz
