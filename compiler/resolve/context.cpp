#include "compiler/resolve/context.hpp"

#include "compiler/resolve/builtins.hpp"
#include "compiler/resolve/elsewhere.hpp"

#include <algorithm>

namespace tpc::resolve {

source::Diagnostic& Context::add(Id id, Span span, std::string text) {
    // What a branch that is never taken would compute does not matter, as in `if L > 0 { x / L }`.
    const bool of_value = id == Id::division_by_zero || id == Id::inexact_division || id == Id::not_a_finite_number;
    if (dead > 0 && of_value) {
        repeated_ = {};
        return repeated_;
    }
    if (!reported_.insert({id, span.file, span.begin, span.end, text}).second) {
        repeated_ = {};
        return repeated_;
    }
    diagnostics.list.push_back({id, span, std::move(text), {}});
    auto& made = diagnostics.list.back();
    constexpr std::ptrdiff_t most = 8; // the innermost calls
    for (auto call = calls.rbegin(); call != calls.rend() && !call->name.empty() && call - calls.rbegin() < most; ++call) {
        made.note(call->span, fmt::format("in this call of {}", call->name));
    }
    return made;
}

void Context::enter(Call call, Span expanded) {
    if (!call.name.empty()) {
        const auto caller = calls.empty() ? std::nullopt : calls.back().known;
        const auto fresh = static_cast<std::uint32_t>(program.calls.size());
        const std::array<std::int64_t, 7> key{caller ? std::int64_t{*caller} : -1,
                                              call.span.file,
                                              call.span.begin,
                                              call.span.end,
                                              expanded.file,
                                              expanded.begin,
                                              expanded.end};
        const auto [place, added] = known_calls.try_emplace(key, fresh);
        if (added) {
            program.calls.push_back({call.name, call.span, expanded, caller});
        }
        call.known = place->second;
    }
    calls.push_back(std::move(call));
}

constexpr std::size_t deepest_call = 64; // f(f) with fn f(g) = g(g) calls through arguments only
constexpr unsigned most_calls = 100'000;
constexpr unsigned most_suggestions = 50; // each takes a comparison with all names
constexpr unsigned most_levels = 3000;    // of the program's expressions

bool Context::may_call(const void* callee, const std::string& name, Span span, Span declared) {
    if (is_recursive(*this, callee)) {
        report(Id::recursion, span, name).note(declared, "its body leads back to itself");
        return false;
    }
    if (calls.size() >= deepest_call) {
        report(Id::calls_too_deep, span, deepest_call);
        return false;
    }
    if (++expansions <= most_calls) {
        return true;
    }
    if (expansions == most_calls + 1) {
        report(Id::too_many_calls, span, most_calls);
    }
    return false;
}

bool Context::flat(ExprId expr, Span span) {
    while (heights.size() < program.exprs.size()) { // children stand in front of their parents
        unsigned height = 0;
        for (const auto child : program.exprs[ExprId{static_cast<std::uint32_t>(heights.size())}].children) {
            height = std::max(height, heights[static_cast<std::uint32_t>(child)]);
        }
        heights.push_back(height + 1);
    }
    if (heights[static_cast<std::uint32_t>(expr)] <= most_levels) {
        return true;
    }
    report(Id::too_deep, span, most_levels);
    return false;
}

bool is_recursive(const Context& context, const void* callee) {
    if (context.calls.size() >= deepest_call) {
        return std::any_of(context.calls.begin(), context.calls.end(),
                           [&](const auto& call) { return call.callee == callee; });
    }
    for (auto call = context.calls.rbegin(); call != context.calls.rend(); ++call) {
        if (call->callee == callee) {
            return true;
        }
        if (call->argument) {
            return false;
        }
    }
    return false;
}

const Binding* find(const Scope* scope, const std::string& name) {
    for (; scope != nullptr; scope = scope->parent) {
        if (auto found = scope->names.find(name); found != scope->names.end()) {
            return &found->second;
        }
    }
    return nullptr;
}

bool is_builtin(const std::string& name) {
    return builtin_arity(name).has_value() || reduction_of(name).has_value();
}

bool is_number(const Context& context, ExprId expr, double value) {
    const auto& node = context.program.exprs[expr];
    return node.op == ir::Op::number && node.number == value;
}

void report_unknown(Context& context, const Scope* scope, const std::string& name, Span span) {
    if (context.may_exist(name)) {
        return;
    }
    if (auto later = context.later.find(name); later != context.later.end()) {
        context.report(Id::used_before_declaration, span, name)
            .note(later->second, fmt::format("{} is declared here", name));
        return;
    }
    if (auto local = context.locals.find(name); local != context.locals.end()) {
        context.report(Id::local_name, span, name)
            .note(local->second, fmt::format("give {} an index here to use it later", name));
        return;
    }
    if (auto index = context.indices.find(name); index != context.indices.end()) {
        context.report(Id::local_name, span, name)
            .note(index->second,
                  fmt::format("{0} is an index here; a family has one of its own, as in output f[{0} in 1..3] = ...", name));
        return;
    }
    if (++context.suggestions > most_suggestions) {
        context.report(Id::unknown_name, span, name, "");
        return;
    }
    std::vector<std::string> candidates; // the user's own first
    for (; scope != nullptr; scope = scope->parent) {
        for (const auto& entry : scope->names) {
            candidates.push_back(entry.first);
        }
    }
    for (const auto& builtin : builtin_names()) {
        candidates.push_back(builtin);
    }
    const std::string near = source::did_you_mean(name, candidates);
    context.report(Id::unknown_name, span, name, near.empty() ? hint_for_name(name) : near);
}

bool is_reserved(Context& context, const ast::Name& name) {
    if (name.text != "n") {
        return false;
    }
    context.report(Id::reserved_name, name.span);
    return true;
}

void warn_builtin(Context& context, const ast::Name& name) {
    if (is_builtin(name.text)) {
        context.report(Id::hides_builtin, name.span, name.text);
    }
}

void bind(Context& context, Scope* scope, const ast::Name& name, Binding binding) {
    if (is_reserved(context, name)) {
        return;
    }
    if (auto same = scope->names.find(name.text); same != scope->names.end()) {
        context.report(Id::duplicate_name, name.span, name.text).note(same->second.span, "first declared here");
        return;
    }
    warn_builtin(context, name);
    if (const auto* outer = find(scope, name.text); outer != nullptr && outer->kind == Kind::index) {
        context.report(Id::hides_index, name.span, name.text).note(outer->span, "the loop index is declared here");
    }
    if (scope == context.global && context.clashes.contains(name.text)) {
        binding = {};
        binding.value = bad_value(context, name.span);
    }
    binding.span = name.span;
    scope->names.emplace(name.text, std::move(binding));
}

Value bad_value(Context& context, Span span, Shape shape) {
    Value value;
    value.shape = shape;
    value.bad = true;
    value.terms.push_back({0, context.program.exprs.number(0), span});
    value.span = span;
    return value;
}

} // namespace tpc::resolve
