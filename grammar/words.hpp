// What words and characters of the language are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tpc::grammar {

bool is_digit(char c);
// Letters of ASCII, _, and every byte of another letter.
bool is_letter(char c);
// What separates words on one line.
bool is_blank(char c);

// The length of the name (letters, digits, _) or of the number at the head of a prepared text; 0 where there is none.
std::size_t name_length(std::string_view text);
std::size_t number_length(std::string_view text);

// The operator or bracket there.
std::string_view symbol_at(std::string_view text);

bool is_keyword(std::string_view word);

// Keywords that a statement may begin with.
bool opens_statement(std::string_view word);
std::vector<std::string> statement_keywords();

} // namespace tpc::grammar
