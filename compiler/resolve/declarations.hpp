// The program's header, inputs and random parameters.
#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

// Binds the parameters of the program: -D values, else the defaults, which may use earlier parameters. An integer without a
// value that stands in an input's axis becomes a symbol, as the axes are.
void header(Context& context, const ast::Program& program, const std::vector<const ast::Input*>& inputs);

// The value of one header parameter, checked against its type.
Binding header_value(Context& context, Scope* scope, const ast::HeaderParameter& parameter, const ast::Expr& expr);

void axes(Context& context, const std::vector<const ast::Input*>& inputs);
void input(Context& context, const ast::Input& input);

// A family of random objects; `family` are ranges in front of its own (a block instance's).
std::uint32_t random(Context& context, Scope* scope, const ast::Random& random, std::vector<ir::Range> family,
                     const std::string& label);

// Made of numbers, sizes and indices only.
bool is_deterministic(const Context& context, ExprId expr);

// After all uses are known: matrix or input matrix, and scale = n * variance or d * variance.
void settle_parameters(Context& context);

// -D text as an expression.
std::optional<ast::Expr> parse_define(const std::string& text, Span shown_at);
std::optional<std::int64_t> parse_integer(const std::string& text);

} // namespace tpc::resolve
