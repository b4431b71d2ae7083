#include "compiler/resolve/integers.hpp"

#include "compiler/resolve/builtins.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::resolve {
namespace {

// Far above any size, far below overflow of sums of products.
constexpr std::int64_t limit = std::int64_t{1} << 40;

bool too_large(const Affine& a) {
    const auto large = [](std::int64_t v) { return v > limit || v < -limit; };
    return large(a.constant) || large(a.denominator) ||
           std::any_of(a.terms.begin(), a.terms.end(), [&](const auto& term) { return large(term.second); });
}

std::optional<Affine> scale(const Affine& factor, const Affine& a) {
    const double bound = std::max({std::abs(static_cast<double>(a.constant)), static_cast<double>(a.denominator), 1.0});
    double largest = bound;
    for (const auto& term : a.terms) {
        largest = std::max(largest, std::abs(static_cast<double>(term.second)));
    }
    if (largest * std::abs(static_cast<double>(factor.constant)) > static_cast<double>(limit)) {
        return std::nullopt;
    }
    return divide(factor.constant * a, factor.denominator);
}

std::optional<Affine> named_integer(Context& context, Scope* scope, const ast::Expr& expr) {
    if (expr.name == "n") {
        context.report(Id::width_in_integer, expr.span);
        return std::nullopt;
    }
    const auto* binding = find(scope, expr.name);
    if (binding == nullptr) {
        if (is_builtin(expr.name)) {
            context.report(Id::name_not_integer, expr.span, expr.name);
        } else {
            report_unknown(context, scope, expr.name, expr.span);
        }
        return std::nullopt;
    }
    if (binding->kind == Kind::value || binding->kind == Kind::index) {
        if (binding->value.integer) {
            return binding->value.integer;
        }
        if (binding->value.bad) {
            return std::nullopt;
        }
        if (scope != nullptr && binding->value.shape == Shape::scalar) {
            context.report(Id::real_as_integer, expr.span, expr.name)
                .note(binding->span, fmt::format("declare it as {}: int", expr.name));
            return std::nullopt;
        }
    }
    context.report(Id::name_not_integer, expr.span, expr.name);
    return std::nullopt;
}

std::optional<Affine> binary(Context& context, const ast::Expr& expr, const Affine& a, const Affine& b) {
    using enum ast::Operator;
    if (expr.oper == mul && !a.is_constant() && !b.is_constant()) {
        context.report(Id::not_affine, expr.span);
        return std::nullopt;
    }
    if (expr.oper == div && b.is_constant(0)) {
        context.report(Id::division_by_zero, expr.children[1].span);
        return std::nullopt;
    }
    if (expr.oper == div && !b.is_constant()) {
        context.report(Id::not_affine, expr.span);
        return std::nullopt;
    }
    if (expr.oper == pow) {
        if (!a.is_constant() || !b.is_constant() || b.denominator != 1 || b.constant < 0 || a.denominator != 1) {
            context.report(Id::not_affine, expr.span);
            return std::nullopt;
        }
        const double power = std::pow(static_cast<double>(a.constant), static_cast<double>(b.constant));
        if (std::abs(power) > static_cast<double>(limit)) {
            context.report(Id::integer_too_large, expr.span);
            return std::nullopt;
        }
        return Affine(std::llround(power));
    }
    const auto made = combine(expr.oper, a, b);
    if (!made || too_large(*made)) {
        context.report(expr.oper == matmul ? Id::integer_operator : Id::integer_too_large, expr.span);
        return std::nullopt;
    }
    if (made->is_constant() && made->denominator != 1) {
        context.report(Id::inexact_division, expr.span, made->constant, made->denominator);
        return std::nullopt;
    }
    return made;
}

// max and min of integers that are known already
std::optional<Affine> extremum(Context& context, Scope* scope, const ast::Expr& expr) {
    const auto& callee = expr.children.front();
    const bool largest = callee.name == "max";
    if (callee.kind != ast::ExprKind::name || (!largest && callee.name != "min") || expr.children.size() < 3 ||
        find(scope, callee.name) != nullptr) {
        context.report(Id::integer_operator, expr.span);
        return std::nullopt;
    }
    std::optional<std::int64_t> best;
    for (std::size_t k = 1; k < expr.children.size(); ++k) {
        const auto value = integer(context, scope, expr.children[k]);
        if (!value) {
            return std::nullopt;
        }
        if (!value->is_constant()) {
            context.report(Id::not_affine, expr.span);
            return std::nullopt;
        }
        best = !best ? value->constant : largest ? std::max(*best, value->constant) : std::min(*best, value->constant);
    }
    return Affine(*best);
}

} // namespace

std::optional<Affine> combine(ast::Operator oper, const std::optional<Affine>& a, const std::optional<Affine>& b) {
    using enum ast::Operator;
    if (!a || !b) {
        return std::nullopt;
    }
    switch (oper) {
    case add:
        return *a + *b;
    case sub:
        return *a - *b;
    case mul:
        return a->is_constant() ? scale(*a, *b) : b->is_constant() ? scale(*b, *a) : std::nullopt;
    case div:
        if (!b->is_constant() || b->constant == 0) {
            return std::nullopt;
        }
        return divide(b->denominator * *a, b->constant);
    default:
        return std::nullopt;
    }
}

std::optional<Affine> integer(Context& context, Scope* scope, const ast::Expr& expr) {
    switch (expr.kind) {
    case ast::ExprKind::number:
        if (!expr.integer || !expr.name.empty()) {
            context.report(Id::number_not_integer, expr.span);
            return std::nullopt;
        }
        if (expr.number > static_cast<double>(limit)) {
            context.report(Id::integer_too_large, expr.span);
            return std::nullopt;
        }
        return Affine(std::llround(expr.number));
    case ast::ExprKind::name:
        return named_integer(context, scope, expr);
    case ast::ExprKind::negate: {
        const auto a = integer(context, scope, expr.children[0]);
        return a ? std::optional(-*a) : std::nullopt;
    }
    case ast::ExprKind::binary: {
        const auto a = integer(context, scope, expr.children[0]);
        const auto b = integer(context, scope, expr.children[1]);
        return a && b ? binary(context, expr, *a, *b) : std::nullopt;
    }
    case ast::ExprKind::call:
        return extremum(context, scope, expr);
    default:
        context.report(Id::integer_operator, expr.span);
        return std::nullopt;
    }
}

std::vector<ir::Range> ranges(Context& context, Scope* scope, const std::vector<ast::Range>& list) {
    std::vector<ir::Range> made;
    if (!list.empty() && context.domain.ranges.size() + list.size() > most_indices) {
        context.report(Id::too_many_indices, list.back().index.span, most_indices);
    }
    for (const auto& range : list) {
        const auto lower = integer(context, scope, range.lower);
        const auto upper = integer(context, scope, range.upper);
        const auto symbol = context.program.fresh(range.index.text, false, range.index.span);
        made.push_back({symbol, lower.value_or(Affine(1)), upper.value_or(Affine(1))});
        Binding binding;
        binding.kind = Kind::index;
        binding.value.shape = Shape::scalar;
        binding.value.integer = Affine::of(symbol);
        context.indices.emplace(range.index.text, range.index.span);
        bind(context, scope, range.index, std::move(binding));
    }
    return made;
}

Test test(Context& context, Scope* scope, const ast::Expr& condition) {
    using enum ast::Operator;
    Test made;
    if (condition.kind == ast::ExprKind::number && !condition.name.empty()) {
        made.known = condition.name == "true";
        return made;
    }
    if (condition.kind != ast::ExprKind::compare) {
        context.report(Id::not_a_condition, condition.span, "condition of an 'if'", "l == 1");
        made.bad = true;
        return made;
    }
    const auto a = integer(context, scope, condition.children[0]);
    const auto b = integer(context, scope, condition.children[1]);
    if (!a || !b) {
        made.bad = true;
        return made;
    }
    using ir::Relation;
    switch (condition.oper) {
    case eq:
        made.condition = {*a - *b, Relation::zero};
        break;
    case ne:
        made.condition = {*a - *b, Relation::non_zero};
        break;
    case lt:
        made.condition = {*b - *a - 1, Relation::non_negative};
        break;
    case le:
        made.condition = {*b - *a, Relation::non_negative};
        break;
    case gt:
        made.condition = {*a - *b - 1, Relation::non_negative};
        break;
    default:
        made.condition = {*a - *b, Relation::non_negative};
        break;
    }
    if (made.condition.value.is_constant()) {
        const auto value = made.condition.value.constant;
        made.known = made.condition.relation == Relation::zero       ? value == 0
                     : made.condition.relation == Relation::non_zero ? value != 0
                                                                     : value >= 0;
    }
    return made;
}

Test negate(Test test) {
    using ir::Relation;
    if (test.known) {
        test.known = !*test.known;
    }
    switch (test.condition.relation) {
    case Relation::zero:
        test.condition.relation = Relation::non_zero;
        break;
    case Relation::non_zero:
        test.condition.relation = Relation::zero;
        break;
    case Relation::non_negative: // not (value >= 0)  <=>  -value - 1 >= 0
        test.condition.value = -test.condition.value - 1;
        break;
    }
    return test;
}

ExprId affine_expr(Context& context, const Affine& affine, Span span) {
    if (affine.is_constant()) {
        return context.program.exprs.number(static_cast<double>(affine.constant) / static_cast<double>(affine.denominator));
    }
    ir::Node node;
    node.op = ir::Op::affine;
    node.affine = affine;
    node.span = span;
    return context.program.exprs.add(std::move(node));
}

} // namespace tpc::resolve
