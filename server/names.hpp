// The names of a file and where each may be used, from the syntax tree alone.
#pragma once

#include "grammar/ast.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tpc::server {

struct Declaration {
    std::string name;
    std::string kind; // "matrix", "function", "loop index" ...
    source::Span span;
    source::Span scope; // where it is seen; the empty span: everywhere
    std::string detail; // the line that declares it
};

// In the order of the source; a family is declared where it is first assigned.
std::vector<Declaration> declarations(const ast::Tree& tree, const source::Files& files);

// The one that a use of `name` at `offset` of the first file means; null when there is none.
const Declaration* find(const std::vector<Declaration>& all, std::string_view name, std::uint32_t offset);
bool visible(const Declaration& declaration, std::uint32_t offset);

} // namespace tpc::server
