// Integer expressions: indices, bounds, sizes and the conditions of `if`.
#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

// An affine expression of axes and indices; nothing, with an error, for anything else.
std::optional<Affine> integer(Context& context, Scope* scope, const ast::Expr& expr);

// The same of a value that is made of integers (a function's argument); no error.
std::optional<Affine> combine(ast::Operator oper, const std::optional<Affine>& a, const std::optional<Affine>& b);

// Binds the indices in `scope` and returns the ranges; bounds see the earlier indices.
std::vector<ir::Range> ranges(Context& context, Scope* scope, const std::vector<ast::Range>& list);

// Indices of one element, loops around one statement: the analysis of index sets grows fast with them.
constexpr std::size_t most_indices = 24;

struct Test {
    std::optional<bool> known; // the condition is a constant
    ir::Condition condition;   // otherwise
    bool bad = false;
};
Test test(Context& context, Scope* scope, const ast::Expr& condition);
Test negate(Test test);

// a number node, an affine node
ExprId affine_expr(Context& context, const Affine& affine, Span span);

} // namespace tpc::resolve
