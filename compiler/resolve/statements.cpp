#include "compiler/resolve/statements.hpp"

#include "compiler/resolve/blocks.hpp"
#include "compiler/resolve/declarations.hpp"
#include "compiler/resolve/expressions.hpp"
#include "compiler/resolve/integers.hpp"
#include "compiler/resolve/powers.hpp"

#include <algorithm>

namespace tpc::resolve {
namespace {

void collect(llvm::ArrayRef<ast::Stmt> body, bool in_loop, Targets& made) {
    const auto first = [](std::vector<const ast::Assign*>& list, const ast::Assign& assign) {
        if (std::none_of(list.begin(), list.end(), [&](const auto* a) { return a->target.text == assign.target.text; })) {
            list.push_back(&assign);
        }
    };
    for (const auto& statement : body) {
        if (const auto* assign = std::get_if<ast::Assign>(&statement.node)) {
            if (!assign->indices.empty()) {
                first(made.indexed, *assign);
            } else if (!in_loop) {
                first(made.plain, *assign);
            }
        } else if (const auto* branch = std::get_if<ast::If>(&statement.node)) {
            collect(branch->then_body, in_loop, made);
            collect(branch->else_body, in_loop, made);
        } else if (const auto* loop = std::get_if<ast::For>(&statement.node)) {
            collect(loop->body, true, made);
        }
    }
}

Shape join(Shape a, Shape b) {
    if (a == Shape::unknown || (a == Shape::scalar && b != Shape::unknown)) {
        return b;
    }
    return a;
}

// What the value says of its family; false, with an error, where it contradicts the others.
bool learn(Context& context, std::uint32_t family, const Value& value, Span span) {
    auto& found = context.found[family];
    const auto declared = context.program.families[family].span;
    const bool mixed = (found.shape == Shape::finite && value.shape == Shape::vector) ||
                       (found.shape == Shape::vector && value.shape == Shape::finite);
    const bool sizes = value.size && found.size && !(*value.size == *found.size);
    const bool finite = family < context.known.size() && context.known[family].shape == Shape::finite;
    const bool number = finite && value.shape == Shape::scalar && !is_zero(context, value);
    if (!value.bad && (mixed || sizes || number)) {
        auto& error = mixed   ? context.report(Id::mixed_family, span, found.name)
                      : sizes ? context.report(Id::finite_sizes, span, size_text(context, *found.size),
                                               size_text(context, *value.size))
                              : context.report(Id::finite_nonlinear, span);
        error.note(declared, "first assigned here");
        return false;
    }
    found.shape = join(found.shape, value.shape);
    found.size = found.size ? found.size : value.size;
    found.readout = found.readout ? found.readout : value.readout;
    return true;
}

void assignment(Context& context, Scope* scope, const ast::Assign& statement, Span span) {
    Value made = value(context, scope, statement.value);
    llvm::SmallVector<Affine, 2> indices;
    bool bad = is_reserved(context, statement.target);
    for (const auto& index : statement.indices) {
        const auto affine = integer(context, scope, index);
        bad |= !affine;
        indices.push_back(affine.value_or(Affine(1)));
    }
    const auto* binding = find(scope, statement.target.text);
    if (binding == nullptr || bad) {
        return;
    }
    if (binding->kind != Kind::family) {
        context.report(Id::duplicate_name, statement.target.span, statement.target.text)
            .note(binding->span, "first declared here");
        return;
    }
    assign(context, *binding, indices, std::move(made), span, statement.target_span);
}

void loop(Context& context, Scope* scope, const ast::For& statement) {
    Scope* inner = context.open(scope);
    const auto list = ranges(context, inner, statement.ranges);
    std::vector<ir::Item> items;
    auto* outer = context.body;
    const auto depth = context.domain.ranges.size();
    context.body = &items;
    context.domain.ranges.insert(context.domain.ranges.end(), list.begin(), list.end());
    const auto own = targets(statement.body);
    declare_families(context, inner, own, false);
    statements(context, inner, statement.body);
    for (const auto* local : own.plain) {
        context.locals.emplace(local->target.text, local->target.span);
    }
    context.domain.ranges.resize(depth);
    context.body = outer;
    if (items.empty()) {
        return;
    }
    for (auto range = list.rbegin(); range != list.rend(); ++range) {
        ir::Loop made{*range, std::move(items)};
        items.clear();
        items.push_back({std::move(made)});
    }
    context.body->push_back(std::move(items.front()));
}

void under_test(Context& context, Scope* scope, const Test& condition, const std::vector<ast::Stmt>& body) {
    const bool never = condition.known && !*condition.known;
    const bool pushed = !condition.known && !condition.bad;
    context.dead += never ? 1 : 0;
    if (pushed) {
        context.domain.conditions.push_back(condition.condition);
    }
    statements(context, scope, body);
    if (pushed) {
        context.domain.conditions.pop_back();
    }
    context.dead -= never ? 1 : 0;
}

void branch(Context& context, Scope* scope, const ast::If& statement) {
    const auto condition = test(context, scope, statement.condition);
    under_test(context, scope, condition, statement.then_body);
    under_test(context, scope, negate(condition), statement.else_body);
}

void output(Context& context, Scope* scope, const ast::Output& statement, Span span) {
    if (!context.domain.ranges.empty() || !context.domain.conditions.empty()) {
        context.report(Id::output_in_loop, span);
        return;
    }
    Scope* inner = context.open(scope);
    auto list = ranges(context, inner, statement.family);
    context.in_output = true;
    Value made = under(context, list, [&] { return value(context, inner, statement.value); });
    const bool scalar = made.shape == Shape::scalar || made.shape == Shape::unknown;
    if (!made.bad && (!scalar || made.row)) {
        context.report(Id::output_not_scalar, statement.value.span);
        made = bad_value(context, statement.value.span, Shape::scalar);
    }
    if (made.shape != Shape::matrix) {
        realise(context, made);
    }
    context.in_output = false;
    if (context.dead > 0) {
        return;
    }
    if (made.shape != Shape::matrix && !context.flat(made.terms[0].expr, span)) {
        return;
    }
    const auto name = statement.name ? statement.name->text : std::string();
    const auto same = std::find_if(context.program.outputs.begin(), context.program.outputs.end(),
                                   [&](const auto& other) { return !name.empty() && other.name == name; });
    if (same != context.program.outputs.end()) {
        context.report(Id::duplicate_name, statement.name->span, name).note(same->span, "first declared here");
        return;
    }
    if (made.shape == Shape::matrix) {
        return;
    }
    context.program.outputs.push_back({name, std::move(list), made.terms[0].expr, span});
}

void declaration_in_loop(Context& context, Span span, const std::string& name) {
    context.report(Id::declaration_in_loop, span, name);
}

void draw(Context& context, Scope* scope, const ast::Random& random) {
    if (context.in_block > 0 || context.global->names.contains(random.name.text)) {
        return; // declared by `use`; a second declaration of the name has been reported
    }
    if (!context.domain.ranges.empty() || !context.domain.conditions.empty()) {
        declaration_in_loop(context, random.name.span, random.name.text);
        return;
    }
    if (context.dead > 0) {
        return;
    }
    Binding binding;
    binding.kind = Kind::parameter;
    binding.id = resolve::random(context, scope, random, {}, "");
    context.later.erase(random.name.text);
    bind(context, context.global, random.name, std::move(binding));
}

void returned(Context& context, Scope* scope, const ast::Return& statement, Span span) {
    if (context.result == nullptr) {
        context.report(Id::return_outside_block, span);
        return;
    }
    Value made = value(context, scope, statement.value);
    if (context.result->family == nullptr) {
        context.result->value = std::move(made);
    } else {
        assign(context, *context.result->family, {}, std::move(made), span, span);
    }
}

} // namespace

Targets targets(llvm::ArrayRef<ast::Stmt> body) {
    Targets made;
    collect(body, false, made);
    return made;
}

void declare_families(Context& context, Scope* scope, const Targets& targets, bool with_indexed) {
    const auto declare = [&](const ast::Assign& assign, bool local) {
        if (scope == context.global &&
            (scope->names.contains(assign.target.text) || context.later.contains(assign.target.text))) {
            return; // reported as declared twice
        }
        Binding binding;
        binding.kind = Kind::family;
        binding.local = local;
        binding.id = static_cast<std::uint32_t>(context.program.families.size());
        for (const auto& range : context.domain.ranges) {
            binding.prefix.push_back(Affine::of(range.index));
        }
        const auto rank = static_cast<unsigned>(binding.prefix.size() + assign.indices.size());
        if (rank > most_indices) {
            context.report(Id::too_many_indices, assign.target.span, most_indices);
        }
        const auto type = binding.id < context.known.size() ? context.known[binding.id].shape : Shape::unknown;
        context.program.families.push_back({context.label + assign.target.text,
                                            type == Shape::vector   ? ir::Type::vector
                                            : type == Shape::finite ? ir::Type::finite
                                                                    : ir::Type::scalar,
                                            rank, assign.target.span, static_cast<unsigned>(binding.prefix.size())});
        context.found.push_back({context.program.families.back().name, Shape::unknown, std::nullopt, std::nullopt});
        bind(context, scope, assign.target, std::move(binding));
    };
    const auto find_in = [](const std::vector<const ast::Assign*>& list, const ast::Assign& assign) {
        const auto same = std::find_if(list.begin(), list.end(),
                                       [&](const auto* other) { return other->target.text == assign.target.text; });
        return same == list.end() ? nullptr : *same;
    };
    // A name assigned both with and without indices is what its first statement says.
    for (const auto* assign : targets.plain) {
        const auto* other = with_indexed ? find_in(targets.indexed, *assign) : nullptr;
        if (other == nullptr || assign->target.span.begin < other->target.span.begin) {
            declare(*assign, true);
        }
    }
    for (const auto* assign : targets.indexed) {
        const auto* other = find_in(targets.plain, *assign);
        if (with_indexed && (other == nullptr || assign->target.span.begin < other->target.span.begin)) {
            declare(*assign, false);
        }
    }
}

void assign(Context& context, const Binding& family, llvm::ArrayRef<Affine> indices, Value value, Span span,
            Span target_span) {
    const auto& declared = context.program.families[family.id];
    if (indices.size() + family.prefix.size() != declared.rank) {
        const auto wanted = declared.rank - family.prefix.size();
        context
            .report(Id::index_count, target_span, declared.name, wanted, wanted == 1 ? "index" : "indices", indices.size())
            .note(declared.span, fmt::format("{} is first assigned here", declared.name));
        return;
    }
    if (value.shape == Shape::matrix || value.row) {
        if (!value.bad) {
            context.report(value.row ? Id::row_arithmetic : Id::matrix_arithmetic, value.span);
        }
        return;
    }
    realise(context, value);
    if (!context.flat(value.terms[0].expr, span)) {
        return;
    }
    if (context.dead > 0 || !learn(context, family.id, value, span)) {
        return;
    }
    ir::Statement made;
    made.family = family.id;
    made.indices.assign(family.prefix.begin(), family.prefix.end());
    made.indices.insert(made.indices.end(), indices.begin(), indices.end());
    made.value = value.terms[0].expr;
    made.domain = context.domain;
    made.span = span;
    made.target_span = target_span;
    context.body->push_back({static_cast<std::uint32_t>(context.program.statements.size())});
    context.program.statements.push_back(std::move(made));
}

void statement(Context& context, Scope* scope, const ast::Stmt& statement) {
    const auto span = statement.span;
    std::visit(
        [&](const auto& node) {
            using Node = std::decay_t<decltype(node)>;
            if constexpr (std::is_same_v<Node, ast::Assign>) {
                assignment(context, scope, node, span);
            } else if constexpr (std::is_same_v<Node, ast::For>) {
                loop(context, scope, node);
            } else if constexpr (std::is_same_v<Node, ast::If>) {
                branch(context, scope, node);
            } else if constexpr (std::is_same_v<Node, ast::Output>) {
                output(context, scope, node, span);
            } else if constexpr (std::is_same_v<Node, ast::Random>) {
                draw(context, scope, node);
            } else if constexpr (std::is_same_v<Node, ast::Use>) {
                if (context.in_block == 0) {
                    if (!context.domain.ranges.empty() || !context.domain.conditions.empty()) {
                        declaration_in_loop(context, node.alias.span, node.alias.text);
                    } else if (context.dead == 0 && !context.global->names.contains(node.alias.text)) {
                        use(context, scope, node, span);
                    }
                }
            } else if constexpr (std::is_same_v<Node, ast::Return>) {
                returned(context, scope, node, span);
            } // the others are bound ahead of all statements
        },
        statement.node);
}

void statements(Context& context, Scope* scope, const std::vector<ast::Stmt>& body) {
    for (const auto& each : body) {
        statement(context, scope, each);
    }
}

} // namespace tpc::resolve
