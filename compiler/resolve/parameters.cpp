// What each matrix reads, and the constant in its variance.
#include "compiler/resolve/declarations.hpp"

#include "compiler/resolve/integers.hpp"

#include <cmath>
#include <numeric>

namespace tpc::resolve {
namespace {

// number * product of expr^power; sizes are primitive affine expressions.
struct Monomial {
    double number = 1;
    std::vector<std::pair<ExprId, int>> factors;
};

void multiply(Context& context, Monomial& made, ExprId expr, int sign) {
    const auto& exprs = context.program.exprs;
    for (auto& [factor, power] : made.factors) {
        if (ir::same(exprs, factor, expr)) {
            power += sign;
            return;
        }
    }
    made.factors.emplace_back(expr, sign);
}

void factor(Context& context, Monomial& made, ExprId expr, int sign) {
    const ir::Node node = context.program.exprs[expr];
    const auto scale = [&](double number) { made.number = sign > 0 ? made.number * number : made.number / number; };
    using ir::Function;
    if (node.op == ir::Op::number) {
        scale(node.number);
    } else if (node.op == ir::Op::affine) {
        std::int64_t common = node.affine.constant < 0 ? -node.affine.constant : node.affine.constant;
        for (const auto& term : node.affine.terms) {
            common = std::gcd(common, term.second);
        }
        scale(static_cast<double>(common) / static_cast<double>(node.affine.denominator));
        const auto primitive = divide(node.affine.denominator * node.affine, common);
        multiply(context, made, affine_expr(context, primitive, node.span), sign);
    } else if (node.op == ir::Op::apply && node.function == Function::mul) {
        factor(context, made, node.children[0], sign);
        factor(context, made, node.children[1], sign);
    } else if (node.op == ir::Op::apply && node.function == Function::div) {
        factor(context, made, node.children[0], sign);
        factor(context, made, node.children[1], -sign);
    } else if (node.op == ir::Op::apply && node.function == Function::neg) {
        scale(-1);
        factor(context, made, node.children[0], sign);
    } else {
        multiply(context, made, expr, sign);
    }
}

ExprId rebuild(Context& context, const Monomial& monomial, Span span) {
    auto& exprs = context.program.exprs;
    ExprId above = exprs.number(monomial.number), below = exprs.number(1);
    for (const auto& [expr, power] : monomial.factors) {
        auto& place = power > 0 ? above : below;
        for (int k = 0; k < std::abs(power); ++k) {
            place = exprs.apply(ir::Function::mul, {place, expr}, span);
        }
    }
    return exprs.apply(ir::Function::div, {above, below}, span);
}

ExprId simplified(Context& context, ExprId variance, const std::optional<Affine>& size, Span span) {
    Monomial made;
    factor(context, made, variance, 1);
    if (size) {
        factor(context, made, affine_expr(context, *size, span), 1);
    }
    return rebuild(context, made, span);
}

void note_number(source::Diagnostic& error, const Draw& draw) {
    if (draw.number)
        error.note(*draw.number, "this is a number, which as a vector has n equal coordinates; a finite vector is an input "
                                 "with all indices but its last");
}

// W = omega / sqrt(n) needs a variance const / n: otherwise W x leaves every bound, or goes to 0.
void settle_matrix(Context& context, ir::Parameter& parameter, const Draw& draw) {
    const auto& variance = draw.variance;
    const auto& lead = variance.terms[0];
    if (is_number(context, lead.expr, 0)) {
        parameter.scale = lead.expr;
        return;
    }
    const bool read = draw.reads_vector || draw.transposed;
    if (read && (variance.terms.size() > 1 || lead.power != -2)) {
        const auto name = draw.declaration->name.text;
        const auto place = draw.reads_vector.value_or(draw.transposed.value_or(parameter.span));
        auto& error = lead.power == -2  ? context.report(Id::variance_mixed, variance.span, name)
                      : lead.power > -2 ? context.report(Id::variance_blows_up, variance.span, name)
                                        : context.report(Id::variance_vanishes, variance.span, name);
        error.note(place, fmt::format("{} reads a vector of n coordinates here", name));
        note_number(error, draw);
        return;
    }
    parameter.scale = simplified(context, lead.expr, std::nullopt, variance.span);
}

void settle_input_matrix(Context& context, ir::Parameter& parameter, const Draw& draw) {
    const auto name = draw.declaration->name.text;
    if (draw.reads_vector || draw.transposed) {
        if (draw.reads_vector) {
            auto& error = context.report(Id::reads_both, *draw.reads_vector, name);
            note_number(error, draw);
            error.note(*draw.reads_finite, "it reads an input of the sample here")
                .note(parameter.span, fmt::format("{} is declared here", name));
        } else {
            context.report(Id::transposed_input_matrix, *draw.transposed, name)
                .note(*draw.reads_finite, fmt::format("{} reads an input of the sample here", name));
        }
        return;
    }
    parameter.kind = ir::ParameterKind::input_matrix;
    parameter.reads = draw.size;
    const auto& lead = draw.variance.terms[0];
    if (draw.variance.terms.size() != 1 || lead.power != 0) {
        context
            .report(Id::width_in_constant, draw.variance.span, "variance", name, ": it reads inputs, divide by their size")
            .note(*draw.reads_finite, fmt::format("{} reads an input of the sample here", name));
        return;
    }
    parameter.scale = simplified(context, lead.expr, draw.size, draw.variance.span);
}

} // namespace

void settle_parameters(Context& context) {
    for (std::size_t k = 0; k < context.draws.size(); ++k) {
        const auto& draw = context.draws[k];
        auto& parameter = context.program.parameters[k];
        if (draw.variance.bad) {
            continue;
        }
        if (parameter.kind != ir::ParameterKind::matrix) {
            parameter.scale = simplified(context, draw.variance.terms[0].expr, std::nullopt, draw.variance.span);
        } else if (draw.reads_finite) {
            settle_input_matrix(context, parameter, draw);
        } else {
            settle_matrix(context, parameter, draw);
        }
        const auto& scale = context.program.exprs[parameter.scale];
        if (scale.op == ir::Op::number && scale.number < 0) {
            context.report(Id::negative_variance, draw.variance.span, draw.declaration->name.text);
        }
        auto& exprs = context.program.exprs;
        if (draw.declaration->frozen) {
            parameter.rate = exprs.number(0);
        } else if (!draw.rate.terms.empty()) {
            parameter.rate = draw.rate.terms[0].expr;
        } else {
            parameter.rate = context.options.rates == Rates::variance ? parameter.scale : exprs.number(1);
        }
    }
}

} // namespace tpc::resolve
