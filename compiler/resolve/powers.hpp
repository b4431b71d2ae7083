// Arithmetic of values that carry powers of the width n.
#pragma once

#include "compiler/resolve/context.hpp"

namespace tpc::resolve {

// a + b, a - b, a * b, a / b, a ^ b of scalars and vectors.
Value arithmetic(Context& context, ast::Operator oper, const Value& a, const Value& b, Span span);
Value negate(Context& context, const Value& a, Span span);

// A coordinatewise function of values; powers of n are realised first (but sqrt(n * T) = sqrt(T) n^(1/2)).
// Powers of n may be fractions on the way: n^0.25 * n^0.25 = n^0.5.
Value apply(Context& context, ir::Function function, llvm::ArrayRef<Value> arguments, Span span);

// The value as one expression. A power of n must be 0 in a vector; in a scalar it becomes a factor n^(power/2), allowed up
// to n^(1/2), and `readout` remembers that only outputs may use it. On errors the value turns bad.
ExprId realise(Context& context, Value& value);

// Reports a vector that a scalar with a power of n has entered.
void require_plain(Context& context, Value& value);

// Children of a value's terms under a linear map (matmul, sum, mean).
template <class Map> Terms map_terms(const Terms& terms, Map&& map) {
    Terms made;
    for (const auto& term : terms) {
        made.push_back({term.power, map(term.expr), term.origin});
    }
    return made;
}

bool is_zero(const Context& context, const Value& value);

// The length of a finite vector, for messages.
std::string size_text(const Context& context, const std::optional<Affine>& size);
Value scalar_value(ExprId expr, Span span);

} // namespace tpc::resolve
