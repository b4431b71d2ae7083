#include "compiler/resolve/definitions.hpp"

namespace tpc::resolve {

void bind_function(Context& context, Scope* scope, const ast::Function& function) {
    Binding made;
    made.kind = Kind::function;
    made.function = &function;
    made.home = scope;
    bind(context, scope, function.name, std::move(made));
}

void bind_block(Context& context, Scope* scope, const ast::Block& block) {
    Binding made;
    made.kind = Kind::block;
    made.block = &block;
    made.home = scope;
    bind(context, scope, block.name, std::move(made));
}

void import_names(Context& context, Scope* scope, const std::vector<ast::Stmt>& statements) {
    for (const auto& statement : statements) {
        const auto* import = std::get_if<ast::Import>(&statement.node);
        if (import == nullptr || import->module >= context.modules.size()) {
            continue;
        }
        for (const auto& [name, binding] : context.modules[import->module]->names) {
            const auto [known, fresh] = scope->names.emplace(name, binding);
            const bool same = known->second.function == binding.function && known->second.block == binding.block;
            if (!fresh && !same) {
                context.report(Id::duplicate_name, import->span, name)
                    .note(known->second.span, "first declared here")
                    .note(binding.span, fmt::format("{} is imported from here", name));
            }
        }
    }
}

void bind_definitions(Context& context, Scope* scope, const std::vector<ast::Stmt>& statements) {
    import_names(context, scope, statements);
    for (const auto& statement : statements) {
        if (const auto* function = std::get_if<ast::Function>(&statement.node)) {
            bind_function(context, scope, *function);
        } else if (const auto* block = std::get_if<ast::Block>(&statement.node)) {
            bind_block(context, scope, *block);
        }
    }
}

void open_modules(Context& context, const std::vector<ast::Module>& modules) {
    for (const auto& module : modules) { // those that one imports stand in front of it
        Scope* scope = context.open(context.global);
        bind_definitions(context, scope, module.statements);
        context.modules.push_back(scope);
    }
}

} // namespace tpc::resolve
