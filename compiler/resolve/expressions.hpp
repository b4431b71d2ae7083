// Expressions of the syntax tree -> values.
#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

Value value(Context& context, Scope* scope, const ast::Expr& expr);

// f(x), r[l](x): built-in functions, activation parameters, functions and blocks.
Value call(Context& context, Scope* scope, const ast::Expr& expr);

// u @ v: a matrix and what it reads, or a transposed vector and another one.
Value product(Context& context, const Value& a, const Value& b, const ast::Expr& expr);

// A member of a family of parameters, inputs or values; `indices` are those that the source writes.
Value element(Context& context, const Binding& binding, const std::string& name, llvm::ArrayRef<Affine> indices,
              ir::IndexMode mode, Span span);

// Evaluates under `ranges`, as the body of a reduction or an output of a family. Statements that a block call emits run in
// loops of their own, under fresh symbols; the ranges and the value are then renamed.
template <class Evaluate> Value under(Context& context, std::vector<ir::Range>& ranges, Evaluate&& evaluate);
void close_loops(Context& context, std::vector<ir::Range>& ranges, std::vector<ir::Item> emitted, Value& value);

// The argument of a function or block: a value; or the name of a function, of an instance or of a family, with none of its
// indices or the first of them, under which the body calls or indexes it.
Binding argument(Context& context, Scope* scope, const ast::Expr& expr);

// A function of one argument that may be an activation: a built-in one or one of the file.
std::optional<Binding> activation(const Scope* scope, const std::string& name);

template <class Evaluate> Value under(Context& context, std::vector<ir::Range>& ranges, Evaluate&& evaluate) {
    std::vector<ir::Item> emitted;
    auto* outer = context.body;
    const auto depth = context.domain.ranges.size();
    context.body = &emitted;
    context.domain.ranges.insert(context.domain.ranges.end(), ranges.begin(), ranges.end());
    Value made = evaluate();
    context.domain.ranges.resize(depth);
    context.body = outer;
    close_loops(context, ranges, std::move(emitted), made);
    return made;
}

} // namespace tpc::resolve
