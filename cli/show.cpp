// tpc show: any stage as text.
#include "cli/commands.hpp"

#include "compiler/check/gia.hpp"
#include "compiler/diff/backward.hpp"
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
    std::vector<std::string> left, right;
    KernelOptions kernel;
};

std::string backward(Session& session, const limit::Network& network) {
    const diff::Backward made = diff::differentiate(network.program, network.output_terms);
    for (const source::Span span : made.unsupported)
        session.diagnostics.report(source::Id::not_supported, span, "the derivative of this reduction");
    if (!made.unsupported.empty())
        throw Failure{out_of_reach, ""};
    return diff::print(made);
}

std::string recursions(Session& session, const limit::Network& network, const ShowOptions& options) {
    limit::DeriveOptions wanted;
    wanted.tangent = options.kernel.request().ntk;
    std::optional<limit::Recursions> derived;
    const bool good = session.clean([&](auto& found) { derived = limit::derive(network, wanted, found); });
    if (!good || !derived)
        throw Failure{out_of_reach, ""};
    return options.format == "latex" ? limit::print_latex(*derived) : limit::print(*derived);
}

// At the sizes of data, where some are given; else at those of -D and small ones.
std::string plan(Session& session, const limit::Network& network, const ir::Sizes& left, const ir::Sizes& right,
                 const ShowOptions& options) {
    return plan::print(build_plan(session, network, left, right, options.kernel.request().ntk));
}

std::string after_check(Session& session, ir::Program program, const ShowOptions& options) {
    Samples left, right;
    if (options.left.empty()) {
        left.sizes = resolve::small_sizes(program);
        const auto chosen = show_sizes(program, left.sizes, [&](ir::Symbol s) { return !program.sizes.contains(s); });
        if (options.stage == "plan" && !chosen.empty() && !session.options.quiet)
            fmt::print(stderr, "tpc: sizes chosen: {} (-D or --input gives others)\n", chosen);
    } else {
        left = read_samples(program, options.left, "--input");
    }
    right = options.right.empty() ? left : read_samples(program, options.right, "--input2");
    if (options.stage == "ir") {
        verify(session, program, left.sizes);
        // With the preactivations named, as the stages after it read it; a program that fails the check has no such form.
        source::Diagnostics reasons;
        check::Verdict verdict = check::check(program, reasons);
        if (!verdict.holds)
            return ir::print(program);
        return ir::print(limit::name_preactivations(std::move(program), std::move(verdict.terms)).program);
    }
    const limit::Network network = left.sizes == right.sizes ? prepare(session, std::move(program), {&left})
                                                             : prepare(session, std::move(program), {&left, &right});
    if (options.stage == "backward")
        return backward(session, network);
    if (options.stage == "recursions")
        return recursions(session, network, options);
    return plan(session, network, left.sizes, right.sizes, options);
}

} // namespace

Run add_show(CLI::App& command) {
    const auto options = std::make_shared<ShowOptions>();
    command.add_option("--stage", options->stage, "what to print: ast, ir, backward, recursions or plan")
        ->required()
        ->check(CLI::IsMember({"ast", "ir", "backward", "recursions", "plan"}))
        ->type_name("STAGE");
    command.add_option("--format", options->format, "text, or latex (for recursions)")
        ->check(CLI::IsMember({"text", "latex"}))
        ->capture_default_str();
    CLI::Option* input = add_files(command, "--input", options->left, "sizes of the plan from these data");
    add_files(command, "--input2", options->right, "the second sample set's")->needs(input);
    add_kernel_options(command, options->kernel);
    return [options](Session& session) {
        if (options->format == "latex" && options->stage != "recursions")
            throw Failure{usage_error, fmt::format("--format latex is for --stage recursions; {} is printed as text only",
                                                   options->stage)};
        const std::string text =
            options->stage == "ast" ? grammar::print(parse(session)) : after_check(session, compile(session), *options);
        session.print(text.ends_with('\n') ? text : text + "\n");
        session.result["stage"] = options->stage;
        session.result["text"] = text;
    };
}

} // namespace tpc::cli
