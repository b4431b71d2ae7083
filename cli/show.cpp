// tpc show: any stage as text.
#include "cli/commands.hpp"

#include "compiler/check/gia.hpp"
#include "compiler/diff/backward.hpp"
#include "compiler/emit/dot.hpp"
#include "compiler/formula/print.hpp"
#include "compiler/ir/print.hpp"
#include "compiler/limit/recursion.hpp"
#include "compiler/resolve/resolve.hpp"
#include "grammar/print.hpp"

#include <memory>

namespace tpc::cli {
namespace {

struct ShowOptions {
    std::string stage;
    std::string format = "text";
    DataFiles left, right{{}, {}, "--input2", "--lengths2"};
    KernelOptions kernel;
};

std::string recursions(Session& session, const network::Network& network, const ShowOptions& options) {
    limit::DeriveOptions wanted;
    wanted.tangent = options.kernel.request().ntk;
    std::optional<limit::Recursions> derived;
    const bool good = session.clean([&](auto& found) { derived = limit::derive(network, wanted, found); });
    if (!good || !derived)
        throw Failure{out_of_reach, ""};
    if (options.format == "dot")
        return emit::dot(*derived);
    return options.format == "latex" ? formula::print_latex(*derived) : formula::print(*derived);
}

// At the sizes of data, where some are given; else at those of -D and small ones.
std::string plan(Session& session, const network::Network& network, const ir::Sizes& left, const ir::Sizes& right,
                 const ShowOptions& options) {
    return plan::print(build_plan(session, network, left, right, options.kernel.request().ntk));
}

std::string after_check(Session& session, ir::Program program, const ShowOptions& options) {
    Dataset first, second;
    ir::Sizes left;
    std::vector<const Samples*> groups;
    Samples small; // without data
    if (options.left.inputs.empty()) {
        left = small.sizes = verify_small(session, program);
        if (options.stage == "plan" && !session.options.quiet)
            tell_chosen(program, left);
        groups = {&small};
    } else {
        first = read_data(program, options.left);
        left = largest_of(session, program, first).sizes;
        groups = groups_of(first);
    }
    ir::Sizes right = left;
    if (!options.right.inputs.empty()) {
        second = read_data(program, options.right);
        right = largest_of(session, program, second).sizes;
        groups = groups_of(first, &second);
    }
    if (options.stage == "ir") {
        for (const Samples* group : groups)
            verify(session, program, group->sizes);
        // With the preactivations named, as the stages after it read it; a program that fails the check has no such form.
        source::Diagnostics reasons;
        check::Verdict verdict = check::check(program, reasons);
        const ir::Program shown =
            verdict.holds ? network::name_preactivations(std::move(program), std::move(verdict.terms)).program : program;
        return options.format == "dot" ? emit::dot(shown) : ir::print(shown);
    }
    const network::Network network = prepare(session, std::move(program), groups);
    if (options.stage == "backward") {
        const diff::Backward backward = diff::differentiate(network.program, network.output_terms);
        return options.format == "dot" ? emit::dot(backward) : diff::print(backward);
    }
    if (options.stage == "recursions")
        return recursions(session, network, options);
    return plan(session, network, left, right, options);
}

} // namespace

Run add_show(CLI::App& command) {
    const auto options = std::make_shared<ShowOptions>();
    command.add_option("--stage", options->stage, "what to print: ast, ir, backward, recursions or plan")
        ->required()
        ->check(CLI::IsMember({"ast", "ir", "backward", "recursions", "plan"}))
        ->type_name("STAGE");
    command
        .add_option("--format", options->format,
                    "text; latex (for recursions); or dot, a graph for Graphviz (for ir, backward and recursions)")
        ->check(CLI::IsMember({"text", "latex", "dot"}))
        ->capture_default_str();
    CLI::Option* input = add_data(command, options->left, "sizes of the plan from these data, the largest of several");
    add_data(command, options->right, "the second sample set's")->needs(input);
    add_kernel_options(command, options->kernel);
    return [options](Session& session) {
        if (options->format == "latex" && options->stage != "recursions")
            throw Failure{usage_error, fmt::format("--format latex is for --stage recursions, not {}", options->stage)};
        if (options->format == "dot" && (options->stage == "ast" || options->stage == "plan"))
            throw Failure{usage_error,
                          fmt::format("--format dot is for the stages ir, backward and recursions, not {}", options->stage)};
        const std::string text =
            options->stage == "ast" ? grammar::print(parse(session)) : after_check(session, compile(session), *options);
        session.print(text.ends_with('\n') ? text : text + "\n");
        session.result["stage"] = options->stage;
        session.result["text"] = text;
    };
}

} // namespace tpc::cli
