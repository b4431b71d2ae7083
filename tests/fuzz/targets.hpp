// What is fuzzed: front_end.cpp or all_stages.cpp, one an executable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tpc::fuzz {

// Takes any bytes, and aborts where a promise is broken.
//
// front_end: a text through the parser, names, elements and the check: either a program or an error, each message at a place
// of the text that renders; and `fmt` keeps the syntax tree and its own layout. A first line `#-D name=value ...` gives
// defines.
//
// all_stages: the bytes choose a random valid program (tests::spec_of), which goes through all stages; its kernels have
// their properties.
void run(std::string_view bytes);

// The bytes with a few changes of the target's kind.
std::string mutated(std::string_view bytes, std::uint64_t seed);

// A text with a few tokens changed, swapped, repeated or taken out; the same of bytes.
std::string mutated_text(std::string_view text, std::uint64_t seed);
std::string mutated_bytes(std::string_view bytes, std::uint64_t seed);

// Prints the promise and aborts unless it holds.
void require(bool holds, std::string_view promise, std::string_view text);

} // namespace tpc::fuzz
