// Calls: built-in functions, functions of the file (replaced by their bodies), where, avg.
#include "compiler/resolve/blocks.hpp"
#include "compiler/resolve/builtins.hpp"
#include "compiler/resolve/expressions.hpp"
#include "compiler/resolve/integers.hpp"
#include "compiler/resolve/powers.hpp"

#include <algorithm>

namespace tpc::resolve {
namespace {

using ir::Function;

bool right_arity(Context& context, const std::string& name, std::size_t wanted, std::size_t given, Span span,
                 std::optional<Span> declared = std::nullopt) {
    if (wanted == given) {
        return true;
    }
    auto& error = context.report(Id::argument_count, span, name, wanted, wanted == 1 ? "argument" : "arguments", given);
    if (declared) {
        error.note(*declared, fmt::format("{} is declared here", name));
    }
    return false;
}

Value average(Context& context, const Value& x, Span span) {
    if (x.bad || x.shape == Shape::scalar) {
        Value made = x.bad ? bad_value(context, span, Shape::scalar) : x;
        made.span = span;
        return made;
    }
    if (x.shape != Shape::vector || x.row) {
        context.report(x.row                      ? Id::row_arithmetic
                       : x.shape == Shape::matrix ? Id::matrix_arithmetic
                                                  : Id::average_of_finite,
                       x.span);
        return bad_value(context, span, Shape::scalar);
    }
    Value made = x;
    made.shape = Shape::scalar;
    made.span = span;
    made.terms = map_terms(x.terms, [&](ExprId child) {
        if (context.program.exprs[child].type == ir::Type::scalar) {
            return child; // a constant vector
        }
        ir::Node node;
        node.op = ir::Op::mean;
        node.children.push_back(child);
        node.span = span;
        return context.program.exprs.add(std::move(node));
    });
    return made;
}

// 1 where the comparison holds, 0 elsewhere; exact for integers, step(p - q) for others.
Value indicator(Context& context, const ast::Expr& test, const Value& p, const Value& q) {
    using enum ast::Operator;
    const auto span = test.span;
    const auto constant = [&](double x) { return scalar_value(context.program.exprs.number(x), span); };
    const auto step = [&](const Value& x) { return apply(context, Function::step, {x}, span); };
    const bool upward = test.oper == gt || test.oper == ge;
    const auto difference = arithmetic(context, sub, upward ? p : q, upward ? q : p, span);
    if (!p.integer || !q.integer) {
        return step(difference);
    }
    if (test.oper == eq || test.oper == ne) {
        const auto distance = apply(context, Function::abs, {difference}, span);
        return step(test.oper == eq ? arithmetic(context, sub, constant(0.5), distance, span)
                                    : arithmetic(context, sub, distance, constant(0.5), span));
    }
    const bool strict = test.oper == gt || test.oper == lt;
    return step(arithmetic(context, strict ? sub : add, difference, constant(0.5), span));
}

// where(p > q, x, y) = y + step(p - q) (x - y)
Value where(Context& context, Scope* scope, const ast::Expr& expr) {
    using enum ast::Operator;
    const auto& condition = expr.children[1];
    const auto x = value(context, scope, expr.children[2]);
    const auto y = value(context, scope, expr.children[3]);
    if (condition.kind == ast::ExprKind::number && !condition.name.empty()) {
        return condition.name == "true" ? x : y;
    }
    if (condition.kind != ast::ExprKind::compare) {
        context.report(Id::not_a_condition, condition.span, "first argument of where", "x > 0");
        return bad_value(context, expr.span);
    }
    const auto p = value(context, scope, condition.children[0]);
    const auto q = value(context, scope, condition.children[1]);
    const bool integers = p.integer && q.integer;
    if ((condition.oper == eq || condition.oper == ne) && !integers && !p.bad && !q.bad) {
        context.report(Id::equality_of_reals, condition.span);
        return bad_value(context, expr.span);
    }
    const auto chosen = indicator(context, condition, p, q);
    const auto& weight = context.program.exprs[chosen.terms[0].expr];
    if (!chosen.bad && weight.op == ir::Op::number && weight.number != 0.5) {
        return weight.number == 1 ? x : y;
    }
    const auto gap = arithmetic(context, sub, x, y, expr.span);
    return arithmetic(context, add, y, arithmetic(context, mul, chosen, gap, expr.span), expr.span);
}

Value builtin(Context& context, Scope* scope, const std::string& name, const ast::Expr& expr) {
    const auto given = expr.children.size() - 1;
    const bool many = (name == "max" || name == "min") && given > 2;
    if (!many && !right_arity(context, name, *builtin_arity(name), given, expr.span)) {
        for (std::size_t k = 1; name != "where" && k < expr.children.size(); ++k) {
            value(context, scope, expr.children[k]); // for its errors
        }
        return bad_value(context, expr.span);
    }
    if (name == "where") {
        return where(context, scope, expr);
    }
    llvm::SmallVector<Value, 2> arguments;
    for (std::size_t k = 1; k < expr.children.size(); ++k) {
        arguments.push_back(value(context, scope, expr.children[k]));
    }
    if (name == "identity") {
        arguments[0].span = expr.span;
        return arguments[0];
    }
    if (name == "avg") {
        return average(context, arguments[0], expr.span);
    }
    const auto function = *function_of(name);
    Value made =
        apply(context, function, llvm::ArrayRef<Value>(arguments).take_front(std::min<std::size_t>(2, given)), expr.span);
    for (std::size_t k = 2; k < arguments.size(); ++k) {
        made = apply(context, function, {made, arguments[k]}, expr.span);
    }
    return made;
}

Value call_function(Context& context, Scope* scope, const Binding& binding, const std::string& name, const ast::Expr& expr) {
    const auto& function = *binding.function;
    std::vector<Binding> arguments;
    for (std::size_t k = 1; k < expr.children.size(); ++k) {
        arguments.push_back(argument(context, scope, expr.children[k]));
    }
    if (!right_arity(context, name, function.arguments.size(), arguments.size(), expr.span, function.name.span)) {
        return bad_value(context, expr.span);
    }
    if (!context.may_call(&function, function.name.text, expr.span, function.name.span)) {
        return bad_value(context, expr.span);
    }
    Scope* inner = context.open(binding.home);
    for (std::size_t k = 0; k < arguments.size(); ++k) {
        bind(context, inner, function.arguments[k], std::move(arguments[k]));
    }
    context.called.insert(&function);
    context.enter({&function, name, expr.span, binding.argument}, function.body.span);
    Value made = value(context, inner, function.body);
    context.calls.pop_back();
    made.span = expr.span;
    return made;
}

void check_arguments(Context& context, Scope* scope, const ast::Expr& expr) {
    for (std::size_t k = 1; k < expr.children.size(); ++k) {
        value(context, scope, expr.children[k]);
    }
}

} // namespace

std::optional<Binding> activation(const Scope* scope, const std::string& name) {
    if (const auto* binding = find(scope, name)) {
        const bool callable = binding->kind == Kind::builtin || binding->kind == Kind::function;
        return callable ? std::optional(*binding) : std::nullopt;
    }
    if (!builtin_arity(name)) {
        return std::nullopt;
    }
    Binding made;
    made.kind = Kind::builtin;
    made.builtin = name;
    return made;
}

Value call(Context& context, Scope* scope, const ast::Expr& expr) {
    const auto& callee = expr.children.front();
    const auto& base = callee.kind == ast::ExprKind::index ? callee.children.front() : callee;
    if (base.kind != ast::ExprKind::name) {
        context.report(Id::not_callable, callee.span);
        check_arguments(context, scope, expr);
        return bad_value(context, expr.span);
    }
    const auto* binding = find(scope, base.name);
    if (binding != nullptr && binding->kind == Kind::instance) {
        llvm::SmallVector<Affine, 2> indices;
        for (std::size_t k = 1; callee.kind == ast::ExprKind::index && k < callee.children.size(); ++k) {
            const auto made = integer(context, scope, callee.children[k]);
            if (!made) {
                return bad_value(context, expr.span);
            }
            indices.push_back(*made);
        }
        const auto instance = *binding;
        return call_block(context, scope, instance, base.name, indices, expr);
    }
    if (callee.kind == ast::ExprKind::name) {
        if (binding != nullptr && binding->kind == Kind::function) {
            const auto function = *binding;
            return call_function(context, scope, function, base.name, expr);
        }
        if (binding != nullptr && binding->kind == Kind::builtin) {
            const auto name = binding->builtin;
            return builtin(context, scope, name, expr);
        }
        if (binding == nullptr && builtin_arity(base.name)) {
            return builtin(context, scope, base.name, expr);
        }
    }
    const bool whole_family = binding == nullptr && is_builtin(base.name) && expr.children.size() == 2 &&
                              expr.children[1].kind == ast::ExprKind::name; // mean(x): the range is missing, no index of x
    if (!whole_family) {
        check_arguments(context, scope, expr);
    }
    if (binding == nullptr && !is_builtin(base.name)) {
        report_unknown(context, scope, base.name, base.span);
    } else if (binding == nullptr || !binding->value.bad) {
        if (binding == nullptr) {
            const bool linear = base.name == "sum" || base.name == "mean";
            context.report(Id::reduction_without_range, base.span, base.name,
                           linear ? "; over the n coordinates of vectors there are avg(x) and u' @ x / n" : "");
        } else if (binding->kind == Kind::block) {
            context.report(Id::block_without_use, base.span, base.name).note(binding->span, "the block is declared here");
        } else {
            const bool matrix = binding->kind == Kind::parameter &&
                                context.program.parameters[binding->id].kind == ir::ParameterKind::matrix;
            context
                .report(Id::not_a_function, base.span, base.name,
                        matrix ? fmt::format(": a matrix multiplies with @, as in {} @ x", base.name) : "")
                .note(binding->span, fmt::format("{} is declared here", base.name));
        }
    }
    return bad_value(context, expr.span);
}

} // namespace tpc::resolve
