#include "compiler/resolve/resolve.hpp"

#include "compiler/resolve/context.hpp"
#include "compiler/resolve/declarations.hpp"
#include "compiler/resolve/definitions.hpp"
#include "compiler/resolve/statements.hpp"
#include "compiler/resolve/usage.hpp"

namespace tpc::resolve {
namespace {

// The declarations of the top level, each name once.
struct Declared {
    const ast::Program* program = nullptr;
    std::vector<const ast::Input*> inputs;
    std::vector<const ast::Function*> functions;
    std::vector<const ast::Block*> blocks;
    std::map<std::string, std::pair<Span, bool>> owners; // name -> place, is a family
};

bool claim(Context& context, Declared& declared, const ast::Name& name, bool family = false) {
    const auto [owner, fresh] = declared.owners.try_emplace(name.text, name.span, family);
    if (fresh || (family && owner->second.second)) {
        return true;
    }
    context.report(Id::duplicate_name, name.span, name.text).note(owner->second.first, "first declared here");
    return false;
}

void claim_input(Context& context, Declared& declared, const ast::Input& input) {
    if (claim(context, declared, input.name)) {
        declared.inputs.push_back(&input);
    }
    for (const auto& axis : input.axes) { // a parameter, or the same axis again
        if (axis.kind == ast::ExprKind::name) {
            declared.owners.try_emplace(axis.name, axis.span, false);
        }
    }
}

Declared collect(Context& context, const ast::Tree& tree) {
    Declared declared;
    for (const auto& [name, binding] : context.global->names) { // imported
        declared.owners.try_emplace(name, binding.span, false);
    }
    for (const auto& statement : tree.statements) {
        if (const auto* program = std::get_if<ast::Program>(&statement.node)) {
            if (declared.program != nullptr) {
                context.report(Id::second_program, statement.span);
                continue;
            }
            if (&statement != &tree.statements.front()) {
                context.report(Id::program_first, statement.span);
            }
            declared.program = program;
            for (const auto& parameter : program->parameters) {
                claim(context, declared, parameter.name);
            }
        } else if (const auto* input = std::get_if<ast::Input>(&statement.node)) {
            claim_input(context, declared, *input);
        } else if (const auto* function = std::get_if<ast::Function>(&statement.node)) {
            if (claim(context, declared, function->name)) {
                declared.functions.push_back(function);
            }
        } else if (const auto* block = std::get_if<ast::Block>(&statement.node)) {
            if (claim(context, declared, block->name)) {
                declared.blocks.push_back(block);
            }
        } else if (const auto* random = std::get_if<ast::Random>(&statement.node)) {
            if (claim(context, declared, random->name)) {
                context.later.emplace(random->name.text, random->name.span);
            }
        } else if (const auto* use = std::get_if<ast::Use>(&statement.node)) {
            if (claim(context, declared, use->alias)) {
                context.later.emplace(use->alias.text, use->alias.span);
            }
        }
        // a statement's names in the order of the source
        if (std::holds_alternative<ast::Assign>(statement.node) || std::holds_alternative<ast::For>(statement.node) ||
            std::holds_alternative<ast::If>(statement.node)) {
            const auto names = targets(llvm::ArrayRef<ast::Stmt>(statement));
            for (const auto* list : {&names.plain, &names.indexed}) {
                for (const auto* assign : *list) {
                    claim(context, declared, assign->target, true);
                }
            }
        }
    }
    return declared;
}

void check_defines(Context& context, const Declared& declared) {
    for (const auto& [name, text] : context.options.defines) {
        if (context.used_defines.contains(name)) {
            continue;
        }
        std::vector<std::string> known;
        for (const auto& parameter : declared.program->parameters) {
            known.push_back(parameter.name.text);
        }
        for (const auto& symbol : context.program.symbols) {
            if (symbol.axis) {
                known.push_back(symbol.name);
            }
        }
        const auto near = source::nearest(name, known);
        context.report(Id::unknown_define, declared.program->name.span, name,
                       near.empty() ? "" : fmt::format("; did you mean {}?", near));
    }
}

void check_outputs(Context& context, const ast::Tree& tree) {
    unsigned written = 0;
    for (const auto& statement : tree.statements) {
        written +=
            std::holds_alternative<ast::Output>(statement.node) || std::holds_alternative<ast::If>(statement.node) ? 1 : 0;
    }
    if (context.program.outputs.empty() && (written == 0 || !context.diagnostics.has_errors())) {
        context.report(Id::no_output, tree.statements.back().span);
    }
    for (const auto& output : context.program.outputs) {
        if (output.name.empty() && context.program.outputs.size() > 1) {
            context.report(Id::unnamed_output, output.span);
        }
    }
}

void run(Context& context, const ast::Tree& tree) {
    context.global = context.open(nullptr);
    context.body = &context.program.body;
    context.incomplete = tree.incomplete;
    open_modules(context, tree.modules);
    import_names(context, context.global, tree.statements);
    const auto declared = collect(context, tree);
    if (declared.program == nullptr) {
        context.report(Id::program_first, tree.statements.empty() ? Span{} : tree.statements.front().span);
        return;
    }
    for (const auto* function : declared.functions) {
        bind_function(context, context.global, *function);
    }
    for (const auto* block : declared.blocks) {
        bind_block(context, context.global, *block);
    }
    header(context, *declared.program, declared.inputs);
    axes(context, declared.inputs);
    for (const auto* declaration : declared.inputs) {
        input(context, *declaration);
    }
    declare_families(context, context.global, targets(tree.statements), true);
    statements(context, context.global, tree.statements);
    settle_parameters(context);
    check_outputs(context, tree);
    check_defines(context, declared);
}

} // namespace

std::optional<ir::Program> resolve(const ast::Tree& tree, const source::Files& files, const Options& options,
                                   source::Diagnostics& diagnostics) {
    // The type of a family follows from its statements, which may read families assigned further down (or itself): elaborate
    // until the types found are those assumed. They only rise, from unknown over scalar to vector or finite.
    std::vector<FamilyType> known;
    for (;;) {
        Context context(files, options, known);
        run(context, tree);
        if (context.found != known && known.size() <= context.found.size()) {
            bool risen = known.size() != context.found.size();
            for (std::size_t k = 0; k < known.size(); ++k) {
                risen |= known[k].shape < context.found[k].shape || (!known[k].size && context.found[k].size) ||
                         (!known[k].readout && context.found[k].readout);
            }
            if (risen) {
                known = std::move(context.found);
                continue;
            }
        }
        if (!context.diagnostics.has_errors() && !tree.incomplete) {
            for (auto& late : context.unanchored.list) {
                context.diagnostics.list.push_back(std::move(late));
            }
        }
        const bool failed = context.diagnostics.has_errors();
        if (!failed && !tree.incomplete) {
            warn_unused(context);
        }
        diagnostics.list.insert(diagnostics.list.end(), context.diagnostics.list.begin(), context.diagnostics.list.end());
        return failed || tree.incomplete ? std::nullopt : std::optional(std::move(context.program));
    }
}

} // namespace tpc::resolve
