// C++ text: numbers, names, layout.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tpc::emit {

// A literal that reads back as the same double.
std::string literal(double value);

// "2.0 * a * b": literals are multiplied out.
std::string product(const std::vector<std::string>& factors);

// Lines that begin at the left margin, indented by their braces.
std::string indented(std::string_view text);

// Each line behind "// ", long ones broken at spaces.
std::string commented(std::string_view text);

// Whether `name` stands in the text as a word.
bool mentions(std::string_view text, std::string_view name);

// An identifier for a name of the program.
std::string identifier(std::string_view wanted);
// The same where the emitted functions have variables of their own.
std::string local_identifier(std::string_view wanted);

// Identifiers of members: distinct for distinct keys.
class Names {
  public:
    // `key` tells things of one name apart ("family 3"); `wanted` need not be an identifier.
    const std::string& of(const std::string& key, std::string_view wanted);

  private:
    std::map<std::string, std::string> names_;
    std::set<std::string> taken_{"equal", "sample"}; // members of every file
};

} // namespace tpc::emit
