// `@`: matrix times vector, and inner products.
#include "compiler/resolve/expressions.hpp"
#include "compiler/resolve/powers.hpp"

namespace tpc::resolve {
namespace {

void record(Context& context, const Value& matrix, const Value& operand, Span span) {
    if (context.dead > 0 || matrix.bad || operand.bad) {
        return;
    }
    auto& draw = context.draws[matrix.matrix];
    const auto first = [&](std::optional<Span>& place) { place = place.value_or(span); };
    if (matrix.transposed) {
        first(draw.transposed);
    } else if (operand.shape == Shape::finite) {
        first(draw.reads_finite);
        draw.size = draw.size ? draw.size : operand.size;
        if (draw.size && operand.size && !(*draw.size == *operand.size)) {
            context
                .report(Id::reads_two_sizes, span, context.program.parameters[matrix.matrix].name,
                        size_text(context, draw.size), size_text(context, operand.size))
                .note(*draw.reads_finite, "it reads another size here");
        }
    } else {
        if (!draw.reads_vector && operand.shape == Shape::scalar) {
            draw.number = operand.span;
        }
        first(draw.reads_vector);
    }
}

Value matmul(Context& context, const Value& matrix, const Value& operand, const ast::Expr& expr) {
    if (!matrix.bad && !operand.bad) {
        if (operand.shape == Shape::matrix || operand.row) {
            if (operand.row) {
                context.report(Id::matrix_times_row, operand.span);
            } else {
                context.report(Id::matrix_times_matrix, expr.span);
            }
            return bad_value(context, expr.span, Shape::vector);
        }
        if (matrix.transposed && operand.shape == Shape::finite) {
            context.report(Id::transposed_reads_input, expr.span);
            return bad_value(context, expr.span, Shape::vector);
        }
    }
    if (operand.shape == Shape::matrix) {
        return bad_value(context, expr.span, Shape::vector);
    }
    Value made;
    made.shape = Shape::vector;
    made.bad = matrix.bad || operand.bad;
    made.span = expr.span;
    made.readout = operand.readout;
    require_plain(context, made);
    record(context, matrix, operand, expr.span);
    made.terms = map_terms(operand.terms, [&](ExprId child) {
        ir::Node node;
        node.op = ir::Op::matmul;
        node.type = ir::Type::vector;
        node.transposed = matrix.transposed;
        node.target = matrix.matrix;
        node.access = matrix.access;
        node.matrix = matrix.span;
        node.children.push_back(child);
        node.span = expr.span;
        return context.program.exprs.add(std::move(node));
    });
    return made;
}

// u' v = n * moment(u, v); with a number c for one of them, c * n * mean(u); of two numbers, n times their product.
ExprId pairing(Context& context, ExprId a, ExprId b, Span span) {
    auto& exprs = context.program.exprs;
    const auto wide = [&](ExprId e) { return exprs[e].type != ir::Type::scalar; };
    if (!wide(a) && !wide(b)) {
        return exprs.apply(ir::Function::mul, {a, b}, span);
    }
    ir::Node node;
    node.span = span;
    if (!wide(a) || !wide(b)) {
        node.op = ir::Op::mean;
        node.children.push_back(wide(a) ? a : b);
        return exprs.apply(ir::Function::mul, {wide(a) ? b : a, exprs.add(std::move(node))}, span);
    }
    node.op = ir::Op::moment;
    node.children = {a, b};
    return exprs.add(std::move(node));
}

Value inner(Context& context, const Value& a, const Value& b, const ast::Expr& expr) {
    const bool finite = a.shape == Shape::finite || b.shape == Shape::finite;
    const bool bad = a.bad || b.bad;
    if (!bad && b.row) {
        context.report(Id::outer_product, expr.span);
        return bad_value(context, expr.span, Shape::scalar);
    }
    if (!bad && finite && a.shape != b.shape) {
        const bool mixed = a.shape == Shape::vector || b.shape == Shape::vector;
        context.report(mixed ? Id::finite_with_vector : Id::finite_nonlinear, expr.span);
        return bad_value(context, expr.span, Shape::scalar);
    }
    if (!bad && finite && a.size && b.size && !(*a.size == *b.size)) {
        context.report(Id::finite_sizes, expr.span, size_text(context, a.size), size_text(context, b.size));
        return bad_value(context, expr.span, Shape::scalar);
    }
    if (a.shape == Shape::scalar && b.shape == Shape::scalar) {
        context.of_numbers.push_back(expr.span);
    }
    Value made;
    made.shape = Shape::scalar;
    made.bad = bad;
    made.span = expr.span;
    for (const auto& s : a.terms) {
        for (const auto& t : b.terms) {
            const auto power = s.power + t.power;
            if (finite) {
                ir::Node node;
                node.op = ir::Op::gram;
                node.children = {s.expr, t.expr};
                node.span = expr.span;
                made.terms.push_back({power, context.program.exprs.add(std::move(node)), expr.span});
            } else {
                made.terms.push_back({power + 2, pairing(context, s.expr, t.expr, expr.span), expr.span});
            }
        }
    }
    if (made.terms.size() > 1) { // equal powers are merged by adding nothing
        made = arithmetic(context, ast::Operator::add, made, scalar_value(context.program.exprs.number(0), expr.span),
                          expr.span);
    }
    return made;
}

} // namespace

Value product(Context& context, const Value& a, const Value& b, const ast::Expr& expr) {
    if (a.shape == Shape::matrix) {
        return matmul(context, a, b, expr);
    }
    if (a.row && b.shape == Shape::matrix) { // v' W = (W' v)'
        Value matrix = b, operand = a;
        matrix.transposed = !matrix.transposed;
        operand.row = false;
        Value made = matmul(context, matrix, operand, expr);
        made.row = true;
        return made;
    }
    if (a.row) {
        return inner(context, a, b, expr);
    }
    if (a.bad || b.bad) {
        return bad_value(context, expr.span);
    }
    if (a.shape == Shape::vector || a.shape == Shape::finite) {
        context.report(Id::inner_without_transpose, expr.span);
        return bad_value(context, expr.span, b.shape == Shape::matrix ? Shape::vector : Shape::scalar);
    }
    context.report(Id::not_a_matrix, a.span);
    return bad_value(context, expr.span);
}

} // namespace tpc::resolve
