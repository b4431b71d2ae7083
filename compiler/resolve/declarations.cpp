#include "compiler/resolve/declarations.hpp"

#include "compiler/resolve/builtins.hpp"
#include "compiler/resolve/expressions.hpp"
#include "compiler/resolve/integers.hpp"
#include "compiler/resolve/powers.hpp"

#include <algorithm>
#include <cmath>

namespace tpc::resolve {
namespace {

bool mentions(const ast::Expr& expr, const std::string& name) {
    return (expr.kind == ast::ExprKind::name && expr.name == name) ||
           std::any_of(expr.children.begin(), expr.children.end(), [&](const auto& child) { return mentions(child, name); });
}

Binding bad_binding(Context& context, Span span) {
    Binding made;
    made.value = bad_value(context, span, Shape::scalar);
    return made;
}

bool is_activation(const Context& context, const ast::Expr& expr) {
    return expr.kind == ast::ExprKind::name && activation(context.global, expr.name).has_value();
}

// The number of arguments of an activation parameter must be one.
bool takes_one(const Binding& function) {
    if (function.kind == Kind::function) {
        return function.function->arguments.size() == 1;
    }
    return builtin_arity(function.builtin) == 1U;
}

std::string nearest_activation(const Context& context, const std::string& text) {
    std::vector<std::string> known;
    for (const auto& [name, binding] : context.global->names) {
        if (binding.kind == Kind::function && takes_one(binding)) {
            known.push_back(name);
        }
    }
    for (const auto& name : builtin_names()) {
        if (builtin_arity(name) == 1U) {
            known.push_back(name);
        }
    }
    return source::did_you_mean(text, known);
}

// -D name=text. Errors say that the option is wrong, not the program.
Binding defined(Context& context, const ast::HeaderParameter& parameter, const std::string& text) {
    const bool integer = parameter.type == ast::ParameterType::integer;
    const bool function = parameter.value && is_activation(context, *parameter.value);
    const auto wrong = [&](const char* wanted) {
        const std::string near = function ? nearest_activation(context, text) : "";
        context.report(Id::bad_define, parameter.span, parameter.name.text, text, wanted + near);
        return bad_binding(context, parameter.span);
    };
    const char* wanted = integer ? "an integer" : function ? "the name of a function of one argument" : "a number";
    if (integer) {
        const auto number = parse_integer(text);
        if (number) {
            Binding made;
            made.value = scalar_value(affine_expr(context, *number, parameter.span), parameter.span);
            made.value.integer = Affine(*number);
            return made;
        }
    }
    const auto expr = parse_define(text, parameter.span);
    if (!expr || (parameter.value && function != is_activation(context, *expr))) {
        return wrong(wanted);
    }
    const auto before = context.diagnostics.list.size();
    auto made = header_value(context, context.global, parameter, *expr);
    if (context.diagnostics.list.size() > before || made.value.bad) {
        context.diagnostics.list.resize(before, source::Diagnostic{Id::bad_define, {}, {}, {}});
        return wrong(wanted);
    }
    return made;
}

Binding symbolic(Context& context, const ast::HeaderParameter& parameter) {
    Binding made;
    made.value.shape = Shape::scalar;
    made.value.span = parameter.name.span;
    made.value.integer = Affine::of(context.program.fresh(parameter.name.text, true, parameter.name.span));
    return made;
}

} // namespace

bool is_deterministic(const Context& context, ExprId expr) {
    const auto& node = context.program.exprs[expr];
    if (node.op == ir::Op::apply) {
        return std::all_of(node.children.begin(), node.children.end(),
                           [&](ExprId child) { return is_deterministic(context, child); });
    }
    return node.op == ir::Op::number || node.op == ir::Op::affine;
}

Binding header_value(Context& context, Scope* scope, const ast::HeaderParameter& parameter, const ast::Expr& expr) {
    Binding made;
    if (parameter.type == ast::ParameterType::integer) {
        const auto number = integer(context, scope, expr);
        if (!number) {
            return bad_binding(context, expr.span);
        }
        made.value = scalar_value(affine_expr(context, *number, expr.span), expr.span);
        made.value.integer = *number;
        return made;
    }
    if (expr.kind == ast::ExprKind::name) {
        if (auto function = activation(scope, expr.name)) {
            if (!takes_one(*function)) {
                context.report(Id::not_an_activation, expr.span, expr.name);
                return bad_binding(context, expr.span);
            }
            return *function;
        }
    }
    made.value = value(context, scope, expr);
    made.value.integer.reset();
    const auto& made_value = made.value;
    const bool plain = made_value.shape == Shape::scalar && !made_value.row && made_value.terms.size() == 1 &&
                       made_value.terms[0].power == 0 && is_deterministic(context, made_value.terms[0].expr);
    if (!plain && !made_value.bad) {
        context.report(Id::not_constant, expr.span);
        return bad_binding(context, expr.span);
    }
    return made;
}

void header(Context& context, const ast::Program& program, const std::vector<const ast::Input*>& inputs) {
    context.program.name = program.name.text;
    for (const auto& parameter : program.parameters) {
        if (context.global->names.contains(parameter.name.text)) {
            continue; // declared twice: reported
        }
        const auto given = context.options.defines.find(parameter.name.text);
        Binding made;
        if (given != context.options.defines.end()) {
            context.used_defines.insert(given->first);
            made = defined(context, parameter, given->second);
        } else if (parameter.value) {
            made = header_value(context, context.global, parameter, *parameter.value);
        } else {
            const bool in_axis = std::any_of(inputs.begin(), inputs.end(), [&](const auto* input) {
                return std::any_of(input->axes.begin(), input->axes.end(),
                                   [&](const auto& axis) { return mentions(axis, parameter.name.text); });
            });
            if (parameter.type == ast::ParameterType::integer && in_axis) {
                made = symbolic(context, parameter);
            } else {
                context.report(Id::missing_value, parameter.span, parameter.name.text);
                made = bad_binding(context, parameter.span);
            }
        }
        bind(context, context.global, parameter.name, std::move(made));
    }
}

void axes(Context& context, const std::vector<const ast::Input*>& inputs) {
    for (const auto* input : inputs) {
        for (const auto& axis : input->axes) {
            if (axis.kind != ast::ExprKind::name || axis.name == "n" || context.global->names.contains(axis.name)) {
                continue;
            }
            Binding made;
            const auto symbol = context.program.fresh(axis.name, true, axis.span);
            made.value.shape = Shape::scalar;
            made.value.integer = Affine::of(symbol);
            bind(context, context.global, {axis.name, axis.span}, std::move(made));
            const auto given = context.options.defines.find(axis.name);
            if (given == context.options.defines.end()) {
                continue;
            }
            context.used_defines.insert(axis.name);
            const auto size = parse_integer(given->second);
            if (size && *size >= 1) {
                context.program.sizes[symbol] = *size;
            } else {
                context.report(Id::bad_define, axis.span, axis.name, given->second, "a positive integer");
            }
        }
    }
}

// A new name in an axis such as 2*q: said once, with what an axis may be.
void explain_axis(Context& context, std::size_t since) {
    for (auto k = since; k < context.diagnostics.list.size(); ++k) {
        auto& diagnostic = context.diagnostics.list[k];
        if (diagnostic.id != Id::unknown_name) {
            continue;
        }
        const std::string name(source::text_of(context.files, diagnostic.span));
        diagnostic.note(diagnostic.span,
                        fmt::format("an axis is one name, or made of integer parameters: declare {}: int in "
                                    "the header, and the data give its value",
                                    name));
        Binding unknown;
        unknown.span = diagnostic.span;
        unknown.value = bad_value(context, diagnostic.span);
        context.global->names.emplace(name, std::move(unknown));
    }
}

void input(Context& context, const ast::Input& input) {
    ir::Input made{input.name.text, {}, input.name.span};
    if (input.axes.size() > most_indices) {
        context.report(Id::too_many_indices, input.name.span, most_indices);
    }
    for (const auto& axis : input.axes) {
        const auto before = context.diagnostics.list.size();
        const auto size = integer(context, context.global, axis);
        explain_axis(context, before);
        if (size && size->is_constant() && size->constant < 1) {
            context.report(Id::empty_axis, axis.span, size->constant);
        }
        made.axes.push_back(size.value_or(Affine(1)));
    }
    Binding binding;
    binding.kind = Kind::input;
    binding.id = static_cast<std::uint32_t>(context.program.inputs.size());
    context.program.inputs.push_back(std::move(made));
    bind(context, context.global, input.name, std::move(binding));
}

std::uint32_t random(Context& context, Scope* scope, const ast::Random& random, std::vector<ir::Range> family,
                     const std::string& label) {
    Scope* inner = context.open(scope);
    const auto implicit = static_cast<unsigned>(family.size());
    const auto own = ranges(context, inner, random.family);
    family.insert(family.end(), own.begin(), own.end());

    const auto constant = [&](const ast::Expr& expr, const char* what) {
        Value made = value(context, inner, expr);
        const bool plain = made.shape == Shape::scalar && !made.row &&
                           std::all_of(made.terms.begin(), made.terms.end(),
                                       [&](const Term& term) { return is_deterministic(context, term.expr); });
        if (!plain && !made.bad) {
            context.report(Id::not_deterministic, expr.span, what, random.name.text);
            made = bad_value(context, expr.span, Shape::scalar);
        }
        made.bad |= made.shape != Shape::scalar;
        return made;
    };
    const auto without_width = [&](Value& made, const char* what, const char* instead = "") {
        if (!made.bad && (made.terms.size() != 1 || made.terms[0].power != 0)) {
            context.report(Id::width_in_constant, made.span, what, random.name.text, instead);
            made = bad_value(context, made.span, Shape::scalar);
        }
    };
    ir::Parameter made;
    made.name = label + random.name.text;
    made.kind = random.kind == ast::RandomKind::matrix   ? ir::ParameterKind::matrix
                : random.kind == ast::RandomKind::vector ? ir::ParameterKind::vector
                                                         : ir::ParameterKind::scalar;
    made.family = std::move(family);
    made.span = random.name.span;
    made.implicit = implicit;

    Value mean = constant(random.mean, "mean");
    without_width(mean, "mean");
    if (random.kind == ast::RandomKind::matrix && !mean.bad && !is_zero(context, mean)) {
        context.report(Id::matrix_mean, random.mean.span);
    }
    Draw draw;
    draw.declaration = &random;
    draw.variance = constant(random.variance, "variance");
    if (random.kind != ast::RandomKind::matrix) {
        const bool vector = random.kind == ast::RandomKind::vector;
        without_width(draw.variance, "variance", vector ? ": a readout is divided where it stands, v' @ x / sqrt(n)" : "");
    }
    if (random.rate) {
        draw.rate = constant(*random.rate, "rate");
        without_width(draw.rate, "rate");
        if (random.frozen) {
            context.report(Id::frozen_rate, random.rate->span, random.name.text);
        }
    }
    made.mean = made.scale = made.rate = context.program.exprs.number(0);
    if (mean.terms.size() == 1) {
        made.mean = mean.terms[0].expr;
    }
    context.program.parameters.push_back(std::move(made));
    context.draws.push_back(std::move(draw));
    return static_cast<std::uint32_t>(context.draws.size() - 1);
}

} // namespace tpc::resolve
