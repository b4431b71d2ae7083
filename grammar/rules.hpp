// The rules that the parts of the grammar use of each other.
#pragma once

#include "grammar/lexical.hpp"

namespace tpc::grammar {

struct expression_id;
struct arguments_id;
struct ranges_id;
struct name_list_id;
struct declaration_id;
struct block_head_id;
struct body_id;
struct file_id;

// expressions.cpp
using expression_type = x3::rule<expression_id, ast::Expr>;
using arguments_type = x3::rule<arguments_id, std::vector<ast::Expr>>; // e, e, ...
using ranges_type = x3::rule<ranges_id, std::vector<ast::Range>>;      // i in a..b, ...
const expression_type expression = "an expression";
const arguments_type arguments = "an expression";
const ranges_type ranges = "a range such as i in 1..T";
BOOST_SPIRIT_DECLARE(expression_type, arguments_type, ranges_type)

// declarations.cpp
using declaration_type = x3::rule<declaration_id, ast::Stmt>; // all declarations in one line
using block_head_type = x3::rule<block_head_id, ast::Block>;  // a block up to its body
const declaration_type declaration = "a declaration";
const block_head_type block_head = "a block";
BOOST_SPIRIT_DECLARE(declaration_type, block_head_type)

// statements.cpp
using file_type = x3::rule<file_id, ast::Tree>;
const file_type file_rule = "a program";
BOOST_SPIRIT_DECLARE(file_type)

} // namespace tpc::grammar
