#include "server/analysis.hpp"

#include "compiler/check/gia.hpp"
#include "compiler/formula/print.hpp"
#include "compiler/ir/print.hpp"
#include "compiler/limit/recursion.hpp"
#include "compiler/network/network.hpp"
#include "compiler/resolve/builtins.hpp"
#include "compiler/resolve/elements_walk.hpp"
#include "compiler/resolve/resolve.hpp"
#include "grammar/words.hpp"
#include "server/positions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace tpc::server {
namespace {

constexpr std::uint64_t verify_budget = 5'000'000;
constexpr std::size_t most_statements = 60; // beyond, deriving the recursions would not keep up with typing

// A file of functions and blocks for others to import is no program.
bool is_library(const ast::Tree& tree) {
    return std::ranges::all_of(tree.statements, [](const ast::Stmt& statement) {
        return std::holds_alternative<ast::Function>(statement.node) || std::holds_alternative<ast::Block>(statement.node) ||
               std::holds_alternative<ast::Import>(statement.node);
    });
}

void derive(Analysis& analysis, check::Verdict verdict) {
    if (analysis.program->statements.size() > most_statements)
        return;
    source::Diagnostics ignored;
    limit::DeriveOptions options;
    options.tangent = false;
    const auto network = network::name_preactivations(*analysis.program, std::move(verdict.terms));
    const auto derived = limit::derive(network, options, ignored);
    if (!derived)
        return;
    analysis.covariances = formula::print_covariances(*derived);
}

void run(Analysis& analysis, const grammar::Loading& loading) {
    const auto tree = grammar::load(analysis.files, loading, analysis.diagnostics);
    if (!tree)
        return;
    analysis.names = declarations(*tree, analysis.files);
    analysis.whole = !tree->broken;
    if (is_library(*tree))
        return;
    analysis.program = resolve::resolve(*tree, analysis.files, {}, analysis.diagnostics);
    if (!analysis.program)
        return;
    const ir::Sizes sizes = resolve::small_sizes(*analysis.program);
    resolve::elements::verify(*analysis.program, sizes, analysis.diagnostics, verify_budget);
    if (analysis.diagnostics.has_errors())
        return;
    check::Verdict verdict = check::check(*analysis.program, analysis.diagnostics);
    if (verdict.holds)
        derive(analysis, std::move(verdict));
}

Json location(const source::Files& files, source::Span span) {
    const source::File& file = files.files[span.file];
    return {{"uri", uri_of(file.path)}, {"range", range_of(file.text, span.begin, span.end)}};
}

std::string shape_of(const ir::Family& family) {
    switch (family.type) {
    case ir::Type::vector:
        return "a vector of n coordinates";
    case ir::Type::finite:
        return "a finite vector";
    case ir::Type::scalar:
        return "a number per sample";
    }
    return "";
}

std::string describe(const ir::Program& program, std::uint32_t parameter) {
    const ir::Parameter& p = program.parameters[parameter];
    const ir::PrintNames names{&program};
    const std::string scale = ir::print(names, p.scale);
    std::string text = fmt::format("```tp\n{}\n```\n", check::declaration(program, parameter, p.name));
    switch (p.kind) {
    case ir::ParameterKind::matrix:
        return text + fmt::format("n x n; Cov({0} x, {0} y) = {1} E[x y]", p.name, scale);
    case ir::ParameterKind::input_matrix: {
        const std::string size = p.reads ? ir::print(names, *p.reads) : "d";
        return text + fmt::format("n x {2}; Cov({0} x, {0} y) = {1} <x, y> / {2}", p.name, scale, size);
    }
    case ir::ParameterKind::vector:
        return text + fmt::format("n coordinates, each of variance {}", scale);
    case ir::ParameterKind::scalar:
        return text + fmt::format("one number of variance {}", scale);
    }
    return text;
}

std::string from_program(const Analysis& analysis, const Declaration& declaration) {
    const ir::Program& program = *analysis.program;
    for (std::uint32_t k = 0; k < program.parameters.size(); ++k)
        if (program.parameters[k].span == declaration.span)
            return describe(program, k);
    for (const ir::Input& input : program.inputs) {
        if (!(input.span == declaration.span))
            continue;
        std::string axes;
        for (const ir::Affine& axis : input.axes)
            axes += (axes.empty() ? "" : ", ") + ir::print(ir::PrintNames{&program}, axis);
        return fmt::format("```tp\ninput {} : R{}\n```\n", input.name, axes.empty() ? "" : "[" + axes + "]");
    }
    for (std::uint32_t k = 0; k < program.families.size(); ++k) {
        const ir::Family& family = program.families[k];
        if (!(family.span == declaration.span))
            continue;
        std::string text = fmt::format("{}: {}\n", family.name, shape_of(family));
        const auto covariance = analysis.covariances.find(k);
        return covariance == analysis.covariances.end() ? text : text + "```\n" + covariance->second + "```\n";
    }
    return "";
}

} // namespace

Analysis analyse(const std::string& path, const std::string& text, const grammar::Loading& loading) {
    Analysis analysis;
    analysis.files.files.push_back({path, text});
    run(analysis, loading);
    return analysis;
}

std::map<std::string, Json> protocol_diagnostics(const Analysis& analysis) {
    std::map<std::string, Json> made;
    made[analysis.files.files[0].path] = Json::array();
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::string>> seen;
    for (const source::Diagnostic& diagnostic : analysis.diagnostics.list) {
        const source::Span span = diagnostic.span;
        if (span.file >= analysis.files.files.size() ||
            !seen.insert({span.file, span.begin, span.end, diagnostic.text}).second)
            continue;
        const source::File& file = analysis.files.files[span.file];
        Json related = Json::array();
        for (const source::Note& note : diagnostic.notes)
            if (note.span.file < analysis.files.files.size())
                related.push_back({{"location", location(analysis.files, note.span)}, {"message", note.text}});
        const bool warning = source::severity_of(diagnostic.id) == source::Severity::warning;
        auto& place = made[file.path];
        if (place.is_null())
            place = Json::array();
        place.push_back({{"range", range_of(file.text, span.begin, span.end)},
                         {"severity", warning ? 2 : 1},
                         {"code", source::name_of(diagnostic.id)},
                         {"source", "tpc"},
                         {"message", diagnostic.text},
                         {"relatedInformation", std::move(related)}});
    }
    return made;
}

Word word_at(std::string_view text, std::size_t offset) {
    offset = std::min(offset, text.size());
    std::size_t line = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
    for (std::size_t at = line == std::string_view::npos ? 0 : line + 1; at <= offset && at < text.size();) {
        const std::size_t length = grammar::name_length(text.substr(at));
        if (length > 0 && at + length >= offset)
            return {std::string(text.substr(at, length)), at};
        at += std::max<std::size_t>({1, length, grammar::number_length(text.substr(at))});
    }
    return {};
}

std::string hover(const Analysis& analysis, const std::string& name, std::uint32_t offset) {
    const Declaration* declaration = find(analysis.names, name, offset);
    if (declaration == nullptr) {
        if (name == "n")
            return "n: the width, which goes to infinity";
        if (resolve::reduction_of(name) && !resolve::builtin_arity(name))
            return fmt::format("{}: a reduction, as in {}(i in 1..T: x[i])", name, name);
        if (const auto arity = resolve::builtin_arity(name))
            return fmt::format("{}: a built-in function of {} argument{}", name, *arity, *arity == 1 ? "" : "s");
        return "";
    }
    std::string text = analysis.program ? from_program(analysis, *declaration) : "";
    if (text.empty())
        text = fmt::format("```tp\n{}\n```\n", declaration->detail);

    return fmt::format("{} `{}`\n\n{}", declaration->kind, name, text);
}

Json completions(const Analysis& analysis, std::uint32_t offset) {
    constexpr int function = 3, variable = 6, keyword = 14, constant = 21;
    Json list = Json::array();
    std::set<std::string> known;
    for (const Declaration& each : analysis.names)
        if (visible(each, offset) && known.insert(each.name).second)
            list.push_back({{"label", each.name},
                            {"kind", each.kind == "function" || each.kind == "block" ? function
                                     : each.kind.ends_with("parameter")              ? constant
                                                                                     : variable},
                            {"detail", each.kind},
                            {"documentation", each.detail}});
    for (const std::string& name : resolve::builtin_names())
        if (known.insert(name).second)
            list.push_back({{"label", name}, {"kind", function}, {"detail", "built in"}});
    for (const std::string& word : grammar::statement_keywords())
        list.push_back({{"label", word}, {"kind", keyword}});
    for (const char* word : {"in", "else", "as", "rate", "true", "false"})
        list.push_back({{"label", word}, {"kind", keyword}});
    return list;
}

} // namespace tpc::server
