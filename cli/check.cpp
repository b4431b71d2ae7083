// tpc check: the verdict of the simple GIA check.
#include "cli/commands.hpp"

#include "compiler/check/summary.hpp"
#include "compiler/resolve/resolve.hpp"

namespace tpc::cli {
namespace {

constexpr std::uint64_t summary_budget = 20'000'000;

std::string kind_of(const ir::Parameter& parameter) {
    switch (parameter.kind) {
    case ir::ParameterKind::matrix:
    case ir::ParameterKind::input_matrix:
        return "matrix";
    case ir::ParameterKind::vector:
        return "vector";
    case ir::ParameterKind::scalar:
        return "scalar";
    }
    return "";
}

// How deep the network is, and what it uses more than once and where.
void tell_summary(Session& session, const ir::Program& program, const ir::Sizes& sizes) {
    const auto summary = check::summarize(program, sizes, summary_budget);
    if (!summary)
        return;
    session.print(fmt::format("depth:\n    {} matrix product{} in a row from the data to an output\n", summary->depth,
                              summary->depth == 1 ? "" : "s"));
    session.result["depth"] = summary->depth;
    session.result["shared"] = nlohmann::ordered_json::array();
    std::string text;
    for (std::size_t k = 0; k < program.parameters.size(); ++k) {
        const check::ParameterUses& uses = summary->parameters[k];
        if (uses.most < 2)
            continue;
        const ir::Parameter& parameter = program.parameters[k];
        nlohmann::ordered_json places = nlohmann::ordered_json::array();
        std::string where;
        for (const check::UsePlace& place : uses.places) {
            const source::File& file = session.files.files[place.span.file];
            const source::Position at = source::position_of(file, place.span.begin);
            where += fmt::format("{}{}:{}:{}", where.empty() ? "" : ", ", file.path, at.line, at.column);
            places.push_back({{"file", file.path}, {"line", at.line}, {"column", at.column}, {"times", place.times}});
        }
        text += fmt::format("    {} {}: {} is used {} times, at {}\n", kind_of(parameter), parameter.name,
                            parameter.family.empty() ? "it" : "a member", uses.most, where);
        session.result["shared"].push_back({{"name", parameter.name}, {"times", uses.most}, {"places", places}});
    }
    session.print("shared:\n" + (text.empty() ? "    nothing: every parameter is used once\n" : text));
}

} // namespace

Run add_check(CLI::App&) {
    return [](Session& session) {
        ir::Program program = compile(session);
        const ir::Sizes sizes = resolve::small_sizes(program);
        verify(session, program, sizes);
        const check::Verdict verdict = judge(session, program);

        const auto chosen = show_sizes(program, sizes, [&](ir::Symbol s) { return !program.sizes.contains(s); });
        session.print(check::describe(verdict, program));
        if (verdict.holds)
            tell_summary(session, program, sizes);
        if (!chosen.empty())
            session.print(fmt::format("sizes checked:\n    {} (chosen; -D gives others)\n", chosen));
        for (const auto& [symbol, size] : sizes)
            session.result["sizes"][program.info(symbol).name] = size;
        if (verdict.holds || session.options.assume_gia)
            return;
        throw Failure{refused, session.options.exact
                                   ? "the limit that does without the check (--exact) is not part of this version"
                                   : ""};
    };
}

} // namespace tpc::cli
