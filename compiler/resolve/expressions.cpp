#include "compiler/resolve/expressions.hpp"

#include "compiler/resolve/builtins.hpp"
#include "compiler/resolve/integers.hpp"
#include "compiler/resolve/powers.hpp"

#include <cmath>

namespace tpc::resolve {
namespace {

ir::IndexMode mode_of(ast::IndexMode mode) {
    switch (mode) {
    case ast::IndexMode::zero:
        return ir::IndexMode::zero;
    case ast::IndexMode::wrap:
        return ir::IndexMode::wrap;
    case ast::IndexMode::clamp:
        return ir::IndexMode::clamp;
    case ast::IndexMode::none:
        break;
    }
    return ir::IndexMode::none;
}

Value number(Context& context, const ast::Expr& expr) {
    if (!expr.name.empty()) {
        context.report(Id::misplaced_truth, expr.span, expr.name);
        return bad_value(context, expr.span, Shape::scalar);
    }
    Value made = scalar_value(context.program.exprs.number(expr.number), expr.span);
    if (expr.integer && expr.number < 1e12) {
        made.integer = Affine(std::llround(expr.number));
    }
    return made;
}

Value of_binding(Context& context, const Binding& binding, const std::string& name, llvm::ArrayRef<Affine> indices,
                 const ast::Expr& expr) {
    switch (binding.kind) {
    case Kind::input:
    case Kind::parameter:
    case Kind::family:
        return element(context, binding, name, indices, mode_of(expr.mode), expr.span);
    case Kind::value:
    case Kind::index:
        break;
    case Kind::builtin:
    case Kind::function:
    case Kind::block:
    case Kind::instance:
        context.report(Id::function_as_value, expr.span, name);
        return bad_value(context, expr.span);
    }
    if (expr.kind == ast::ExprKind::index) {
        if (!binding.value.bad) {
            context.report(Id::not_a_family, expr.span, name, name)
                .note(binding.span, fmt::format("{} is declared here", name));
        }
        return bad_value(context, expr.span, binding.value.shape);
    }
    Value made = binding.value;
    if (made.integer && made.terms.empty()) {
        made.terms.push_back({0, affine_expr(context, *made.integer, expr.span), expr.span});
    }
    made.span = expr.span;
    return made;
}

Value name(Context& context, Scope* scope, const ast::Expr& expr) {
    if (expr.name == "n") {
        Value width = scalar_value(context.program.exprs.number(1), expr.span);
        width.terms[0].power = 2;
        return width;
    }
    if (const auto* binding = find(scope, expr.name)) {
        return of_binding(context, *binding, expr.name, {}, expr);
    }
    if (is_builtin(expr.name)) {
        context.report(Id::function_as_value, expr.span, expr.name);
    } else {
        report_unknown(context, scope, expr.name, expr.span);
    }
    return bad_value(context, expr.span);
}

Value index(Context& context, Scope* scope, const ast::Expr& expr) {
    const auto& base = expr.children.front();
    llvm::SmallVector<Affine, 2> indices;
    bool bad = false;
    for (std::size_t k = 1; k < expr.children.size(); ++k) {
        const auto made = integer(context, scope, expr.children[k]);
        bad |= !made;
        indices.push_back(made.value_or(Affine(1)));
    }
    if (base.kind != ast::ExprKind::name) {
        context.report(Id::not_indexable, base.span);
        return bad_value(context, expr.span);
    }
    const auto* binding = find(scope, base.name);
    if (binding == nullptr) {
        if (base.name == "n" || is_builtin(base.name)) {
            context.report(Id::not_a_family, base.span, base.name, base.name);
        } else {
            report_unknown(context, scope, base.name, base.span);
        }
        return bad_value(context, expr.span);
    }
    Value made = of_binding(context, *binding, base.name, indices, expr);
    made.bad |= bad;
    return made;
}

Value transpose(Context& context, Scope* scope, const ast::Expr& expr) {
    Value made = value(context, scope, expr.children.front());
    made.span = expr.span;
    if (made.shape == Shape::matrix) {
        made.transposed = !made.transposed;
    } else {
        made.row = !made.row;
        made.integer.reset();
    }
    return made;
}

Value reduce(Context& context, Scope* scope, const ast::Expr& expr) {
    const auto reduction = reduction_of(expr.name);
    if (!reduction) {
        report_unknown(context, scope, expr.name, expr.span);
        return bad_value(context, expr.span);
    }
    Scope* inner = context.open(scope);
    auto list = ranges(context, inner, expr.ranges);
    Value made = under(context, list, [&] { return value(context, inner, expr.children.front()); });
    const bool linear = *reduction == ir::Reduction::sum || *reduction == ir::Reduction::mean;
    if (made.shape == Shape::matrix) {
        if (!made.bad) {
            context.report(Id::matrix_arithmetic, made.span);
        }
        return bad_value(context, expr.span);
    }
    if (!linear && !made.bad) {
        if (made.shape == Shape::finite || made.row) {
            context.report(made.row ? Id::row_arithmetic : Id::finite_nonlinear, made.span);
            return bad_value(context, expr.span, made.shape);
        }
        realise(context, made);
    }
    made.integer.reset();
    made.span = expr.span;
    made.terms = map_terms(made.terms, [&](ExprId child) {
        ir::Node node;
        node.op = ir::Op::reduce;
        node.reduction = *reduction;
        node.type = context.program.exprs[child].type;
        node.ranges.assign(list.begin(), list.end());
        node.children.push_back(child);
        node.span = expr.span;
        return context.program.exprs.add(std::move(node));
    });
    return made;
}

} // namespace

Value value(Context& context, Scope* scope, const ast::Expr& expr) {
    constexpr unsigned deepest = 2500; // the stack holds several times as many
    struct Level {
        unsigned& depth;
        explicit Level(unsigned& counter) : depth(++counter) {}
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;
        ~Level() { --depth; }
    };
    const Level level(context.depth);
    if (context.depth > deepest) {
        context.report(Id::too_deep, expr.span, deepest);
        return bad_value(context, expr.span);
    }
    switch (expr.kind) {
    case ast::ExprKind::number:
        return number(context, expr);
    case ast::ExprKind::name:
        return name(context, scope, expr);
    case ast::ExprKind::index:
        return index(context, scope, expr);
    case ast::ExprKind::call:
        return call(context, scope, expr);
    case ast::ExprKind::transpose:
        return transpose(context, scope, expr);
    case ast::ExprKind::negate:
        return negate(context, value(context, scope, expr.children.front()), expr.span);
    case ast::ExprKind::binary: {
        const auto a = value(context, scope, expr.children[0]);
        const auto b = value(context, scope, expr.children[1]);
        return expr.oper == ast::Operator::matmul ? product(context, a, b, expr)
                                                  : arithmetic(context, expr.oper, a, b, expr.span);
    }
    case ast::ExprKind::compare:
        context.report(Id::misplaced_comparison, expr.op);
        return bad_value(context, expr.span);
    case ast::ExprKind::reduce:
        return reduce(context, scope, expr);
    }
    return bad_value(context, expr.span);
}

void close_loops(Context& context, std::vector<ir::Range>& ranges, std::vector<ir::Item> emitted, Value& value) {
    if (emitted.empty()) {
        return;
    }
    std::map<ir::Symbol, ir::Symbol> renamed;
    const auto rename = [&](ir::Symbol symbol) -> std::optional<Affine> {
        const auto found = renamed.find(symbol);
        return found == renamed.end() ? std::nullopt : std::optional(Affine::of(found->second));
    };
    for (auto range = ranges.rbegin(); range != ranges.rend(); ++range) {
        ir::Loop loop{*range, std::move(emitted)};
        emitted.clear();
        emitted.push_back({std::move(loop)});
    }
    for (auto& item : emitted) {
        context.body->push_back(std::move(item));
    }
    for (auto& range : ranges) {
        const auto info = context.program.info(range.index);
        const auto fresh = context.program.fresh(info.name, info.axis, info.span);
        range.lower = substitute(range.lower, rename);
        range.upper = substitute(range.upper, rename);
        renamed.emplace(range.index, fresh);
        range.index = fresh;
    }
    for (auto& term : value.terms) {
        term.expr = ir::renamed(context.program.exprs, term.expr, rename);
    }
    for (auto& member : value.access.indices) {
        member = substitute(member, rename);
    }
}

} // namespace tpc::resolve
