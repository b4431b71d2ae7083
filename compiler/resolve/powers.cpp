#include "compiler/resolve/powers.hpp"

#include "compiler/ir/print.hpp"
#include "compiler/resolve/carriers.hpp"
#include "compiler/resolve/integers.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::resolve {
namespace {

ExprId call(Context& context, ir::Function function, llvm::ArrayRef<ExprId> arguments, Span span) {
    return context.program.exprs.apply(function, arguments, span);
}

constexpr double highest_power = 64; // of n^(1/2)

bool same_power(const Term& a, const Term& b) {
    return std::abs(a.power - b.power) < 1e-9;
}

// What differs from a whole number by rounding alone is one: n^(1/3) * n^(2/3) = n.
double settled(double power) {
    return std::abs(power - std::round(power)) < 1e-9 ? std::round(power) : power;
}

// Numbers, data and sizes alone: of a power of n with them any root can be taken.
bool carries_nothing(Context& context, const Term& term) {
    const auto carrier = carrier_of(context, term.expr, term.origin);
    return carrier.kind == Carrying::nothing && !carrier.average;
}

// Terms of equal powers are added, zeros dropped; never empty.
Terms collect(Context& context, Terms terms, Span span) {
    std::stable_sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) { return a.power > b.power; });
    Terms made;
    for (const auto& term : terms) {
        if (!made.empty() && same_power(made.back(), term)) {
            made.back().expr = call(context, ir::Function::add, {made.back().expr, term.expr}, span);
        } else {
            made.push_back(term);
        }
    }
    if (made.size() > 1) {
        made.erase(std::remove_if(made.begin(), made.end(), [&](const Term& t) { return is_number(context, t.expr, 0); }),
                   made.end());
    }
    if (made.empty()) {
        made.push_back({0, context.program.exprs.number(0), span});
    }
    if (made.size() == 1 && is_number(context, made[0].expr, 0)) {
        made[0].power = 0;
    }
    return made;
}

Terms sum(Context& context, const Terms& a, const Terms& b, bool subtract, Span span) {
    Terms made;
    for (const auto& term : a) {
        const auto* same = std::find_if(b.begin(), b.end(), [&](const Term& t) { return same_power(t, term); });
        if (same == b.end()) {
            made.push_back(term);
            continue;
        }
        const auto function = subtract ? ir::Function::sub : ir::Function::add;
        made.push_back({term.power, call(context, function, {term.expr, same->expr}, span), term.origin});
    }
    for (const auto& term : b) {
        if (std::none_of(a.begin(), a.end(), [&](const Term& t) { return same_power(t, term); })) {
            auto expr = subtract ? call(context, ir::Function::neg, {term.expr}, span) : term.expr;
            made.push_back({term.power, expr, term.origin});
        }
    }
    return collect(context, std::move(made), span);
}

Terms product(Context& context, const Terms& a, const Terms& b, Span span) {
    Terms made;
    for (const auto& s : a) {
        for (const auto& t : b) {
            made.push_back({settled(s.power + t.power), call(context, ir::Function::mul, {s.expr, t.expr}, span),
                            s.power != 0 ? s.origin : t.origin});
        }
    }
    return collect(context, std::move(made), span);
}

// `capacity`: the power from which on the term need not vanish.
void report_power(Context& context, Value& value, const Term& term, int capacity) {
    if (!value.bad) {
        const auto& numbers = context.of_numbers;
        if (term.power > 0 && std::find(numbers.begin(), numbers.end(), term.origin) != numbers.end()) {
            context.report(Id::inner_of_numbers, term.origin);
        } else if (term.power < capacity) {
            context.report(Id::vanishing_power, term.origin);
        } else if (context.in_output) {
            context.report(Id::diverging_output, term.origin);
        } else {
            context.report(Id::no_power, term.origin);
        }
    }
    value.bad = true;
}

Shape join(const Value& a, const Value& b) {
    for (const auto shape : {Shape::vector, Shape::finite, Shape::unknown}) {
        if (a.shape == shape || b.shape == shape) {
            return shape;
        }
    }
    return Shape::scalar;
}

// The operands' shapes fit the operator; errors are in the user's terms.
bool fits(Context& context, ast::Operator oper, const Value& a, const Value& b, Span span) {
    using enum ast::Operator;
    for (const auto* value : {&a, &b}) {
        if (value->shape == Shape::matrix) {
            context.report(Id::matrix_arithmetic, value->span);
            return false;
        }
    }
    const auto both = [&](Shape s, Shape t) { return (a.shape == s && b.shape == t) || (a.shape == t && b.shape == s); };
    if (both(Shape::finite, Shape::vector)) {
        context.report(Id::finite_with_vector, span);
        return false;
    }
    if (a.row || b.row) {
        const bool scaled =
            (oper == mul && (a.row ? b : a).shape <= Shape::scalar) || (oper == div && b.shape <= Shape::scalar);
        const bool added = (oper == add || oper == sub) && a.row && b.row;
        if (!scaled && !added) {
            context.report(Id::row_arithmetic, (a.row ? a : b).span);
            return false;
        }
    }
    if (a.shape != Shape::finite && b.shape != Shape::finite) {
        return true;
    }
    if (oper == add || oper == sub) {
        if (both(Shape::finite, Shape::finite) && a.size && b.size && !(*a.size == *b.size)) {
            context.report(Id::finite_sizes, span, size_text(context, a.size), size_text(context, b.size));
            return false;
        }
        if (both(Shape::finite, Shape::scalar) && !is_zero(context, a) && !is_zero(context, b)) {
            context.report(Id::finite_nonlinear, span);
            return false;
        }
        return true;
    }
    const bool scaled = (oper == mul && !both(Shape::finite, Shape::finite)) || (oper == div && b.shape != Shape::finite);
    if (!scaled) {
        context.report(Id::finite_nonlinear, span);
    }
    return scaled;
}

void take_flags(Value& made, const Value& argument) {
    made.bad |= argument.bad;
    if (argument.readout && !made.readout) {
        made.readout = argument.readout;
    }
    if (argument.size && !made.size) {
        made.size = argument.size;
    }
}

// Numbers are folded where the result is one: an operation left on numbers alone has none (1/0, sqrt(-1)).
void require_finite_number(Context& context, Value& value) {
    const auto& exprs = context.program.exprs;
    const auto& node = exprs[value.terms[0].expr];
    const bool on_numbers =
        node.op == ir::Op::apply && std::all_of(node.children.begin(), node.children.end(),
                                                [&](ExprId child) { return exprs[child].op == ir::Op::number; });
    if (on_numbers && !value.bad) {
        llvm::SmallVector<double, 2> numbers;
        for (const auto child : node.children) {
            numbers.push_back(exprs[child].number);
        }
        const double number = ir::evaluate(node.function, numbers);
        context.report(Id::not_a_finite_number, value.span,
                       std::isnan(number)   ? "undefined"
                       : std::isinf(number) ? "infinite"
                                            : fmt::format("{}", number));
        value.bad = true;
    }
}

Value power(Context& context, const Value& a, const Value& b, Span span) {
    if (a.terms.size() > 1 || a.terms[0].power == 0) {
        return apply(context, ir::Function::pow, {a, b}, span);
    }
    const auto& exponent = context.program.exprs[b.terms[0].expr];
    const double scaled = settled(exponent.number * a.terms[0].power);
    if (exponent.op != ir::Op::number || b.terms[0].power != 0 || std::abs(scaled) > highest_power ||
        (scaled != std::round(scaled) && !carries_nothing(context, a.terms[0]))) {
        return apply(context, ir::Function::pow, {a, b}, span);
    }
    Value made;
    made.shape = a.shape;
    made.terms.push_back(
        {scaled, call(context, ir::Function::pow, {a.terms[0].expr, b.terms[0].expr}, span), a.terms[0].origin});
    return made;
}

} // namespace

bool is_zero(const Context& context, const Value& value) {
    return value.terms.size() == 1 && is_number(context, value.terms[0].expr, 0);
}

std::string size_text(const Context& context, const std::optional<Affine>& size) {
    return size ? ir::print(ir::PrintNames{&context.program}, *size) : std::string("unknown");
}

Value scalar_value(ExprId expr, Span span) {
    Value value;
    value.shape = Shape::scalar;
    value.terms.push_back({0, expr, span});
    value.span = span;
    return value;
}

void require_plain(Context& context, Value& value) {
    if (value.readout && value.shape != Shape::scalar && value.shape != Shape::unknown && !value.bad) {
        context.report(Id::readout_in_network, value.span).note(*value.readout, "its power of n comes from here");
        value.bad = true;
    }
}

ExprId realise(Context& context, Value& value) {
    const auto span = value.span;
    std::optional<ExprId> made;
    for (auto& term : value.terms) {
        auto expr = term.expr;
        if (term.power != 0) {
            const auto carrier = carrier_of(context, expr, term.origin);
            const int capacity = std::max(0, carrier.capacity());
            const bool whole = term.power == std::round(term.power);
            if (value.shape != Shape::scalar || !whole || term.power > capacity) {
                report_power(context, value, term, whole ? 0 : capacity);
            } else {
                expr = attach(context, expr, static_cast<int>(term.power), term.origin);
                // v' @ x / sqrt(n) is of order one, and the check says why the network may not read it; others grow
                if (carrier.kind != Carrying::readout || term.power < 0) {
                    value.readout = term.origin;
                }
            }
        }
        made = made ? call(context, ir::Function::add, {*made, expr}, span) : expr;
    }
    value.terms = {{0, *made, span}};
    return *made;
}

Value arithmetic(Context& context, ast::Operator oper, const Value& a, const Value& b, Span span) {
    using enum ast::Operator;
    if (!a.bad && !b.bad && !fits(context, oper, a, b, span)) {
        return bad_value(context, span, a.shape == Shape::matrix || b.shape == Shape::matrix ? Shape::unknown : join(a, b));
    }
    if (a.shape == Shape::matrix || b.shape == Shape::matrix) {
        return bad_value(context, span);
    }
    Value made;
    if (oper == pow) {
        if (b.shape == Shape::vector || b.shape == Shape::finite) {
            context.report(Id::vector_exponent, b.span);
            return bad_value(context, span, join(a, b));
        }
        made = power(context, a, b, span);
    } else if (oper == add || oper == sub) {
        made.terms = sum(context, a.terms, b.terms, oper == sub, span);
    } else if (oper == mul) {
        made.terms = product(context, a.terms, b.terms, span);
    } else if (b.terms.size() > 1) {
        auto first = a, second = b;
        const auto numerator = realise(context, first), denominator = realise(context, second);
        made.terms.push_back({0, call(context, ir::Function::div, {numerator, denominator}, span), span});
        take_flags(made, first);
        take_flags(made, second);
    } else {
        const auto divisor = b.terms[0];
        if (is_number(context, divisor.expr, 0) && !b.bad) {
            context.report(Id::division_by_zero, b.span);
            return bad_value(context, span, join(a, b));
        }
        made.terms = map_terms(a.terms, [&](ExprId expr) {
            return call(context, ir::Function::div, {expr, divisor.expr}, span);
        });
        for (auto& term : made.terms) {
            term.origin = term.power != 0 ? term.origin : divisor.origin;
            term.power = settled(term.power - divisor.power);
        }
        made.terms = collect(context, std::move(made.terms), span);
    }
    made.shape = join(a, b);
    made.row = a.row || b.row;
    made.span = span;
    take_flags(made, a);
    take_flags(made, b);
    made.integer = combine(oper, a.integer, b.integer);
    if (made.integer && made.integer->denominator == 1 && made.integer->terms.size() > 0) {
        made.terms = {{0, affine_expr(context, *made.integer, span), span}};
    }
    require_finite_number(context, made);
    require_plain(context, made);
    return made;
}

Value negate(Context& context, const Value& a, Span span) {
    if (a.shape == Shape::matrix) {
        if (!a.bad) {
            context.report(Id::matrix_arithmetic, a.span);
        }
        return bad_value(context, span);
    }
    Value made = a;
    made.span = span;
    made.terms = map_terms(a.terms, [&](ExprId expr) { return call(context, ir::Function::neg, {expr}, span); });
    if (a.integer) {
        made.integer = -*a.integer;
        if (made.integer->denominator == 1) {
            made.terms = {{0, affine_expr(context, *made.integer, span), span}};
        }
    }
    return made;
}

Value apply(Context& context, ir::Function function, llvm::ArrayRef<Value> arguments, Span span) {
    Value made;
    made.shape = Shape::scalar;
    made.span = span;
    llvm::SmallVector<Value, 2> values(arguments.begin(), arguments.end());
    for (auto& value : values) {
        made.shape = join(made, value);
        made.bad |= value.bad;
        if (value.bad) {
            continue;
        }
        if (value.row || value.shape == Shape::matrix || value.shape == Shape::finite) {
            context.report(value.row                      ? Id::row_arithmetic
                           : value.shape == Shape::matrix ? Id::matrix_arithmetic
                                                          : Id::finite_nonlinear,
                           value.span);
            made.bad = true;
        }
    }
    if (made.bad) {
        return bad_value(context, span, made.shape);
    }
    if (function == ir::Function::sqrt && values[0].terms.size() == 1 &&
        (std::fmod(values[0].terms[0].power, 2) == 0 || carries_nothing(context, values[0].terms[0]))) {
        const auto& term = values[0].terms[0];
        made.terms.push_back({settled(term.power / 2), call(context, function, {term.expr}, span), term.origin});
        take_flags(made, values[0]);
    } else if (function == ir::Function::square && values[0].terms.size() == 1) {
        const auto& term = values[0].terms[0];
        made.terms.push_back({term.power * 2, call(context, function, {term.expr}, span), term.origin});
        take_flags(made, values[0]);
    } else {
        llvm::SmallVector<ExprId, 2> exprs;
        for (auto& value : values) {
            exprs.push_back(realise(context, value));
            take_flags(made, value);
        }
        made.terms.push_back({0, call(context, function, exprs, span), span});
    }
    require_finite_number(context, made);
    require_plain(context, made);
    return made;
}

} // namespace tpc::resolve
