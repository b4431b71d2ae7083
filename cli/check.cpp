// tpc check: the verdict of the simple GIA check.
#include "cli/commands.hpp"

#include "compiler/check/summary.hpp"
#include "compiler/resolve/resolve.hpp"

#include <memory>

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

nlohmann::ordered_json json_of(const ir::Program& program, const ir::Sizes& sizes) {
    nlohmann::ordered_json json = nlohmann::ordered_json::object();
    for (const auto& [symbol, size] : sizes)
        json[program.info(symbol).name] = size;
    return json;
}

// The sizes that were checked, with a place they come from.
void tell_sizes(Session& session, const ir::Program& program, const Dataset* data, const ir::Sizes& sizes) {
    if (data == nullptr) {
        if (const auto chosen = show_chosen(program, sizes); !chosen.empty())
            session.print(fmt::format("sizes checked:\n    {} (chosen; -D or --input gives others)\n", chosen));
        session.result["sizes"] = json_of(program, sizes);
        return;
    }
    session.print("sizes checked:\n");
    session.result["groups"] = nlohmann::ordered_json::array();
    for (const Samples& group : data->groups) {
        session.print(fmt::format("    {}{} sample{}\n", group.sizes.empty() ? "" : show_sizes(program, group.sizes) + ": ",
                                  group.set.samples, group.set.samples == 1 ? "" : "s"));
        session.result["groups"].push_back({{"samples", group.set.samples}, {"sizes", json_of(program, group.sizes)}});
    }
}

void run(Session& session, const DataFiles& files) {
    ir::Program program = compile(session);
    Dataset data;
    check::Verdict verdict;
    ir::Sizes sizes; // for the summary
    if (files.inputs.empty()) {
        sizes = verify_small(session, program);
        verdict = judge(session, program);
    } else {
        data = read_data(program, files);
        sizes = data.groups.back().sizes;
        verdict = judge(session, program, groups_of(data));
    }
    session.print(check::describe(verdict, program));
    if (verdict.holds)
        tell_summary(session, program, sizes);
    tell_sizes(session, program, files.inputs.empty() ? nullptr : &data, sizes);
    if (verdict.holds || session.options.assume_gia)
        return;
    throw Failure{
        refused, session.options.exact ? "the limit that does without the check (--exact) is not part of this version" : ""};
}

} // namespace

Run add_check(CLI::App& command) {
    const auto files = std::make_shared<DataFiles>();
    add_data(command, *files, "check at the sizes of these data, and the data themselves");
    return [files](Session& session) { run(session, *files); };
}

} // namespace tpc::cli
