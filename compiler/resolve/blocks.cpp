#include "compiler/resolve/blocks.hpp"

#include "compiler/resolve/declarations.hpp"
#include "compiler/resolve/definitions.hpp"
#include "compiler/resolve/elsewhere.hpp"
#include "compiler/resolve/expressions.hpp"
#include "compiler/resolve/integers.hpp"
#include "compiler/resolve/members.hpp"
#include "compiler/resolve/statements.hpp"

#include <algorithm>
#include <utility>

namespace tpc::resolve {
namespace {

using Path = std::vector<Instance*>; // from the outermost instance in

// Binds the block's compile-time parameters; the values of the `use` are evaluated in `outer`.
void bind_values(Context& context, Scope* outer, Scope* inner, const ast::Use& use, const ast::Block& block) {
    for (const auto& parameter : block.parameters) {
        const auto given = std::find_if(use.values.begin(), use.values.end(),
                                        [&](const auto& entry) { return entry.first.text == parameter.name.text; });
        if (given != use.values.end()) {
            bind(context, inner, parameter.name, header_value(context, outer, parameter, given->second));
        } else if (use.alias.text.empty() && !parameter.value) { // a use that the source does not have
            Binding open;
            open.value = bad_value(context, parameter.span, Shape::scalar);
            bind(context, inner, parameter.name, std::move(open));
        } else if (parameter.value) {
            bind(context, inner, parameter.name, header_value(context, inner, parameter, *parameter.value));
        } else {
            const auto calls = std::exchange(context.calls, {}); // whatever calls it
            context.report(Id::missing_block_value, use.block.span, parameter.name.text, block.name.text)
                .note(parameter.span, "it is declared here");
            context.calls = calls;
            Binding bad;
            bad.value = bad_value(context, parameter.span, Shape::scalar);
            bind(context, inner, parameter.name, std::move(bad));
        }
    }
    for (const auto& [name, expr] : use.values) {
        if (std::none_of(block.parameters.begin(), block.parameters.end(),
                         [&, text = name.text](const auto& parameter) { return parameter.name.text == text; })) {
            std::vector<std::string> known;
            for (const auto& parameter : block.parameters) {
                known.push_back(parameter.name.text);
            }
            const auto calls = std::exchange(context.calls, {});
            context
                .report(Id::unknown_block_value, name.span, block.name.text, name.text,
                        source::did_you_mean(name.text, known))
                .note(block.name.span, "the block is declared here");
            context.calls = calls;
        }
    }
}

// Where a block that is known in `scope` is declared; its name may be hidden there by an argument.
Scope* home_of(Scope* scope, const ast::Block& block) {
    for (;; scope = scope->parent) {
        const auto found = scope->names.find(block.name.text);
        if (found != scope->names.end() && found->second.kind == Kind::block && found->second.block == &block) {
            return found->second.home;
        }
    }
}

// A scope inside the block for declarations: the instances' indices under fresh symbols, appended to `family`.
Scope* open_path(Context& context, const Path& path, std::vector<ir::Range>& family) {
    Scope* scope = context.global;
    for (const auto* instance : path) {
        Scope* outer = context.open(scope);
        const auto list = ranges(context, outer, instance->use->family);
        family.insert(family.end(), list.begin(), list.end());
        scope = context.open(home_of(scope, *instance->block));
        bind_values(context, outer, scope, *instance->use, *instance->block);
        bind_definitions(context, scope, instance->block->body);
    }
    return scope;
}

// The names that `matrix`, `vector`, `scalar` and `use` declare.
void declared_names(const std::vector<ast::Stmt>& body, std::vector<const ast::Name*>& made) {
    for (const auto& statement : body) {
        if (const auto* loop = std::get_if<ast::For>(&statement.node)) {
            declared_names(loop->body, made);
        } else if (const auto* branch = std::get_if<ast::If>(&statement.node)) {
            declared_names(branch->then_body, made);
            declared_names(branch->else_body, made);
        } else if (const auto* random = std::get_if<ast::Random>(&statement.node)) {
            made.push_back(&random->name);
        } else if (const auto* use = std::get_if<ast::Use>(&statement.node)) {
            made.push_back(&use->alias);
        }
    }
}

bool declares(const std::vector<ast::Stmt>& body) {
    std::vector<const ast::Name*> names;
    declared_names(body, names);
    return !names.empty();
}

void report_in_loop(Context& context, std::initializer_list<const std::vector<ast::Stmt>*> bodies) {
    std::vector<const ast::Name*> names;
    for (const auto* body : bodies) {
        declared_names(*body, names);
    }
    for (const auto* name : names) {
        context.report(Id::declaration_in_loop, name->span, name->text);
    }
}

void declare(Context& context, const Path& path, const std::vector<ast::Stmt>& body);

Instance* instantiate(Context& context, Path path, const ast::Use& use, const std::string& name) {
    std::vector<ir::Range> around;
    Scope* scope = open_path(context, path, around);
    const auto* binding = find(scope, use.block.text);
    if (binding == nullptr || binding->kind != Kind::block) {
        if (binding == nullptr && context.may_exist(use.block.text)) {
            return nullptr;
        }
        std::vector<std::string> blocks;
        for (const Scope* each = scope; each != nullptr; each = each->parent) {
            for (const auto& [known, bound] : each->names) {
                if (bound.kind == Kind::block) {
                    blocks.push_back(known);
                }
            }
        }
        const std::string near = source::did_you_mean(use.block.text, blocks);
        auto& error = context.report(Id::not_a_block, use.block.span, use.block.text,
                                     near.empty() && binding == nullptr ? hint_for_name(use.block.text) : near);
        if (binding != nullptr) {
            error.note(binding->span, fmt::format("{} is declared here", use.block.text));
        }
        return nullptr;
    }
    if (std::any_of(path.begin(), path.end(), [&](const auto* outer) { return outer->block == binding->block; })) {
        context.report(Id::recursion, use.block.span, use.block.text).note(binding->span, "its body leads back to itself");
        return nullptr;
    }
    if (!context.may_call(nullptr, use.alias.text, use.block.span, binding->span)) {
        return nullptr;
    }
    if (path.size() >= 64) {
        context.report(Id::calls_too_deep, use.block.span, 64);
        return nullptr;
    }
    context.instances.push_back({&use, binding->block, name, {}, {}, {}, 0});
    auto* made = &context.instances.back();
    path.push_back(made);
    declare(context, path, made->block->body);
    return made;
}

void declare(Context& context, const Path& path, const std::vector<ast::Stmt>& body) {
    auto& instance = *path.back();
    for (const auto& statement : body) {
        if (const auto* random = std::get_if<ast::Random>(&statement.node)) {
            std::vector<ir::Range> family;
            Scope* scope = open_path(context, path, family);
            if (!instance.parameters.contains(random->name.text)) {
                const auto id = resolve::random(context, scope, *random, std::move(family), instance.name + ".");
                instance.parameters.emplace(random->name.text, id);
            } else {
                context.report(Id::duplicate_name, random->name.span, random->name.text);
            }
        } else if (const auto* use = std::get_if<ast::Use>(&statement.node)) {
            if (auto* inner = instantiate(context, path, *use, instance.name + "." + use->alias.text)) {
                instance.instances.emplace(use->alias.text, inner);
            } else {
                instance.failed.emplace(use->alias.text, use->alias.span);
            }
        } else if (const auto* branch = std::get_if<ast::If>(&statement.node)) {
            if (!declares(branch->then_body) && !declares(branch->else_body)) {
                continue;
            }
            std::vector<ir::Range> family;
            const auto condition = test(context, open_path(context, path, family), branch->condition);
            if (condition.known) {
                declare(context, path, *condition.known ? branch->then_body : branch->else_body);
            } else if (!condition.bad) {
                report_in_loop(context, {&branch->then_body, &branch->else_body});
            }
        } else if (const auto* loop = std::get_if<ast::For>(&statement.node); loop != nullptr && declares(loop->body)) {
            report_in_loop(context, {&loop->body});
        }
    }
}

struct Returns {
    unsigned count = 0;
    const ast::Stmt* in_loop = nullptr;
};

void count_returns(const std::vector<ast::Stmt>& body, bool in_loop, Returns& made) {
    for (const auto& statement : body) {
        if (std::holds_alternative<ast::Return>(statement.node)) {
            ++made.count;
            made.in_loop = in_loop ? &statement : made.in_loop;
        } else if (const auto* branch = std::get_if<ast::If>(&statement.node)) {
            count_returns(branch->then_body, in_loop, made);
            count_returns(branch->else_body, in_loop, made);
        } else if (const auto* loop = std::get_if<ast::For>(&statement.node)) {
            count_returns(loop->body, true, made);
        }
    }
}

// A statement after a `return` of the same body would run although the block has its value.
const ast::Stmt* after_return(const std::vector<ast::Stmt>& body) {
    for (std::size_t k = 0; k + 1 < body.size(); ++k) {
        if (std::holds_alternative<ast::Return>(body[k].node)) {
            return &body[k + 1];
        }
    }
    return nullptr;
}

bool well_returned(Context& context, const ast::Block& block) {
    Returns returns;
    count_returns(block.body, false, returns);
    if (returns.count == 0) {
        if (!context.broken) {
            context.report(Id::no_return, block.name.span, block.name.text);
        }
        return false;
    }
    if (returns.in_loop != nullptr) {
        context.report(Id::return_in_loop, returns.in_loop->span);
        return false;
    }
    if (const auto* extra = after_return(block.body)) {
        context.report(Id::after_return, extra->span);
        return false;
    }
    return true;
}

// The body in a scope of its own; its statements go where the calling statement stands.
Value run(Context& context, Instance& instance, Scope* inner) {
    const auto& block = *instance.block;
    const auto label = context.label;
    const auto name = ++instance.calls > 1 ? fmt::format("{}_{}", instance.name, instance.calls) : instance.name;
    context.label = name + ".";
    declare_families(context, inner, targets(block.body), true);

    const bool direct = std::holds_alternative<ast::Return>(block.body.back().node);
    Returns returns;
    count_returns(block.body, false, returns);
    Context::Result result;
    Binding family;
    if (!direct || returns.count > 1) {
        ast::Assign target;
        target.target = {name, block.name.span};
        Scope* own = context.open(nullptr);
        context.label.clear();
        declare_families(context, own, {{&target}, {}}, false);
        context.label = name + ".";
        family = own->names.at(name);
        result.family = &family;
    }
    auto* outer = context.result;
    const bool in_output = context.in_output;
    context.result = &result;
    context.in_output = false;
    ++context.in_block;
    statements(context, inner, block.body);
    --context.in_block;
    context.in_output = in_output;
    context.result = outer;
    context.label = label;
    return result.family != nullptr ? element(context, family, name, {}, ir::IndexMode::none, block.name.span)
                                    : result.value.value_or(bad_value(context, block.name.span));
}

} // namespace

void use(Context& context, Scope* scope, const ast::Use& statement, Span) {
    Binding binding;
    binding.kind = Kind::instance;
    binding.instance = instantiate(context, {}, statement, statement.alias.text);
    binding.home = scope;
    if (binding.instance == nullptr) {
        binding = {};
        binding.value = bad_value(context, statement.alias.span);
    }
    context.later.erase(statement.alias.text);
    bind(context, scope, statement.alias, std::move(binding));
}

void check_uncalled(Context& context, const ast::Block& block) {
    context.uses.push_back({block.name, {}, {"", block.name.span}, {}});
    Binding binding;
    binding.instance = instantiate(context, {}, context.uses.back(), block.name.text);
    binding.home = context.global;
    if (binding.instance == nullptr) {
        return;
    }
    Scope* scope = context.open(context.global);
    ast::Expr call;
    call.kind = ast::ExprKind::call;
    call.span = block.name.span;
    call.children.emplace_back();
    for (const auto& argument : block.arguments) {
        Binding open;
        open.value = bad_value(context, argument.span);
        scope->names.emplace(argument.text, std::move(open));
        ast::Expr name;
        name.kind = ast::ExprKind::name;
        name.span = argument.span;
        name.name = argument.text;
        call.children.push_back(std::move(name));
    }
    call_block(context, scope, binding, "", {}, call);
}

Value call_block(Context& context, Scope* scope, const Binding& binding, const std::string& name,
                 llvm::ArrayRef<Affine> indices, const ast::Expr& call) {
    auto& instance = *binding.instance;
    const auto& block = *instance.block;
    std::vector<Binding> arguments;
    for (std::size_t k = 1; k < call.children.size(); ++k) {
        arguments.push_back(argument(context, scope, call.children[k]));
    }
    auto own = binding.given;
    own.append(indices.begin(), indices.end());
    const auto wanted = instance.use->family.size();
    if (own.size() != wanted) {
        const auto missing = wanted - std::min(wanted, binding.given.size());
        context
            .report(Id::index_count, call.children.front().span, name, missing, missing == 1 ? "index" : "indices",
                    indices.size())
            .note(binding.span, fmt::format("{} is declared here", name));
        return bad_value(context, call.span);
    }
    if (arguments.size() != block.arguments.size()) {
        context
            .report(Id::argument_count, call.span, name, block.arguments.size(),
                    block.arguments.size() == 1 ? "argument" : "arguments", arguments.size())
            .note(block.name.span, fmt::format("{} is declared here", block.name.text));
        return bad_value(context, call.span);
    }
    if (!context.may_call(&block, block.name.text, call.span, block.name.span)) {
        return bad_value(context, call.span);
    }
    if (!well_returned(context, block)) {
        return bad_value(context, call.span);
    }
    auto prefix = binding.prefix;
    prefix.append(own.begin(), own.end());

    Scope* outer = context.open(binding.home);
    if (!bind_members(context, outer, *instance.use, own, call.children.front().span)) {
        return bad_value(context, call.span);
    }
    context.called.insert(&block);
    const Span begin = block.body.front().span, end = block.body.back().span;
    context.enter({&block, name, call.span, binding.argument}, {begin.file, begin.begin, end.end});
    Scope* inner = context.open(home_of(binding.home, block));
    bind_values(context, outer, inner, *instance.use, block);
    for (std::size_t k = 0; k < arguments.size(); ++k) {
        bind(context, inner, block.arguments[k], std::move(arguments[k]));
    }
    for (const auto& [parameter, id] : instance.parameters) {
        Binding made;
        made.kind = Kind::parameter;
        made.id = id;
        made.prefix = prefix;
        bind(context, inner, {parameter, context.draws[id].declaration->name.span}, std::move(made));
    }
    for (const auto& [alias, nested] : instance.instances) {
        Binding made;
        made.kind = Kind::instance;
        made.instance = nested;
        made.prefix = prefix;
        made.home = inner;
        bind(context, inner, {alias, nested->use->alias.span}, std::move(made));
    }
    for (const auto& [alias, span] : instance.failed) {
        Binding made;
        made.value = bad_value(context, span);
        bind(context, inner, {alias, span}, std::move(made));
    }
    bind_definitions(context, inner, block.body);
    Value made = run(context, instance, inner);
    context.calls.pop_back();
    made.span = call.span;
    return made;
}

} // namespace tpc::resolve
