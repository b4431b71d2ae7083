// What a call hands over: values, and names that the body goes on to index or call.
#include "compiler/resolve/expressions.hpp"
#include "compiler/resolve/integers.hpp"

namespace tpc::resolve {
namespace {

// How many indices a member needs beyond those that the binding supplies; none for what has no members.
std::optional<std::size_t> missing_indices(const Context& context, const Binding& binding) {
    switch (binding.kind) {
    case Kind::input:
        return context.program.inputs[binding.id].axes.size() - binding.prefix.size();
    case Kind::parameter:
        return context.program.parameters[binding.id].family.size() - binding.prefix.size();
    case Kind::family:
        return context.program.families[binding.id].rank - binding.prefix.size();
    case Kind::instance:
        return binding.instance->use->family.size() + 1 - binding.given.size(); // r[l] is still to be called
    default:
        return std::nullopt;
    }
}

// x or x[l-1] of a family x[l, i], r or r[l] of instances: a binding whose first indices are given.
std::optional<Binding> members(Context& context, Scope* scope, const ast::Expr& expr) {
    const bool indexed = expr.kind == ast::ExprKind::index && expr.mode == ast::IndexMode::none;
    const auto& base = indexed ? expr.children.front() : expr;
    if (base.kind != ast::ExprKind::name) {
        return std::nullopt;
    }
    const auto* found = find(scope, base.name);
    const auto missing = found != nullptr ? missing_indices(context, *found) : std::nullopt;
    const auto given = indexed ? expr.children.size() - 1 : 0;
    if (!missing || given >= *missing) {
        return std::nullopt;
    }
    Binding made = *found;
    auto& place = made.kind == Kind::instance ? made.given : made.prefix;
    for (std::size_t k = 1; k <= given; ++k) {
        place.push_back(integer(context, scope, expr.children[k]).value_or(Affine(1))); // an error is reported
    }
    made.argument = true;
    return made;
}

} // namespace

Binding argument(Context& context, Scope* scope, const ast::Expr& expr) {
    if (expr.kind == ast::ExprKind::name) {
        if (auto function = activation(scope, expr.name)) {
            function->argument = true;
            return *function;
        }
    }
    if (auto made = members(context, scope, expr)) {
        return *made;
    }
    Binding made;
    made.value = value(context, scope, expr);
    return made;
}

} // namespace tpc::resolve
