#include "compiler/resolve/resolve.hpp"

#include "compiler/resolve/blocks.hpp"
#include "compiler/resolve/context.hpp"
#include "compiler/resolve/declarations.hpp"
#include "compiler/resolve/definitions.hpp"
#include "compiler/resolve/expressions.hpp"
#include "compiler/resolve/statements.hpp"
#include "compiler/resolve/usage.hpp"

#include <algorithm>

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
    if (fresh || (family && owner->second.second) || name.text == "n") { // n is reserved: reported where it is bound
        return true;
    }
    context.report(Id::duplicate_name, name.span, name.text).note(owner->second.first, "first declared here");
    if (!family && !owner->second.second) {
        context.clashes.insert(name.text);
    }
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
                continue; // the parser has reported it
            }
            if (!tree.broken && &statement != &tree.statements.front()) {
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
        context.report(Id::unknown_define, declared.program->name.span, name, source::did_you_mean(name, known));
    }
}

bool writes_output(const std::vector<ast::Stmt>& body) {
    return std::any_of(body.begin(), body.end(), [](const ast::Stmt& statement) {
        if (const auto* loop = std::get_if<ast::For>(&statement.node)) {
            return writes_output(loop->body);
        }
        if (const auto* branch = std::get_if<ast::If>(&statement.node)) {
            return writes_output(branch->then_body) || writes_output(branch->else_body);
        }
        return std::holds_alternative<ast::Output>(statement.node);
    });
}

void check_outputs(Context& context, const ast::Tree& tree) {
    if (!tree.broken && context.program.outputs.empty() &&
        (!writes_output(tree.statements) || !context.diagnostics.has_errors())) {
        context.report(Id::no_output, tree.statements.back().span);
    }
    for (const auto& output : context.program.outputs) {
        if (output.name.empty() && context.program.outputs.size() > 1) {
            context.report(Id::unnamed_output, output.span);
        }
    }
}

// Functions and blocks of the program's own file that nothing calls are checked with arguments of which nothing is known;
// what that adds to the program is taken away again.
void check_uncalled(Context& context, const Declared& declared) {
    auto& program = context.program;
    const auto statements = program.statements.size(), families = program.families.size();
    const auto parameters = program.parameters.size(), draws = context.draws.size(), found = context.found.size();
    std::vector<ir::Item> emitted;
    auto* body = std::exchange(context.body, &emitted);
    const auto own = [&](const ast::Name& name) { return name.span.file == declared.program->name.span.file; };
    for (const auto* function : declared.functions) {
        if (!own(function->name) || context.called.contains(function)) {
            continue;
        }
        Scope* inner = context.open(context.global);
        for (const auto& argument : function->arguments) {
            Binding open;
            open.value = bad_value(context, argument.span);
            bind(context, inner, argument, std::move(open));
        }
        context.calls.push_back({function, "", function->name.span});
        value(context, inner, function->body);
        context.calls.pop_back();
    }
    for (const auto* block : declared.blocks) {
        if (own(block->name) && !context.called.contains(block)) {
            check_uncalled(context, *block);
        }
    }
    context.body = body;
    program.statements.resize(statements);
    program.families.resize(families);
    program.parameters.resize(parameters);
    context.draws.resize(draws);
    context.found.resize(found);
}

void run(Context& context, const ast::Tree& tree) {
    context.global = context.open(nullptr);
    context.body = &context.program.body;
    context.incomplete = tree.incomplete;
    context.broken = tree.broken;
    context.unclear = tree.unclear;
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
    check_uncalled(context, declared);
    settle_parameters(context);
    check_outputs(context, tree);
    if (!tree.broken) {
        check_defines(context, declared);
    }
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
        const bool whole = !tree.incomplete && !tree.broken;
        if (!context.diagnostics.has_errors() && whole) {
            for (auto& late : context.unanchored.list) {
                context.diagnostics.list.push_back(std::move(late));
            }
        }
        const bool failed = context.diagnostics.has_errors();
        if (!failed && whole) {
            warn_unused(context);
        }
        diagnostics.list.insert(diagnostics.list.end(), context.diagnostics.list.begin(), context.diagnostics.list.end());
        return failed || !whole ? std::nullopt : std::optional(std::move(context.program));
    }
}

} // namespace tpc::resolve
