// tpc emit: a compiled kernel, or its derivation, as one source file.
#include "cli/commands.hpp"

#include "compiler/check/gia.hpp"
#include "compiler/emit/emit.hpp"
#include "compiler/resolve/resolve.hpp"
#include "runtime/io/output_file.hpp"

#include <memory>

namespace tpc::cli {
namespace {

struct EmitOptions {
    std::string lang;
    std::string out;
    std::vector<std::string> inputs;
};

// Those of data, where some are given; else those of -D and small ones.
Samples sizes(Session& session, const ir::Program& program, const EmitOptions& options) {
    if (!options.inputs.empty())
        return read_samples(program, options.inputs, "--input");
    Samples samples;
    samples.sizes = resolve::small_sizes(program);
    const auto chosen = show_sizes(program, samples.sizes, [&](ir::Symbol s) { return !program.sizes.contains(s); });
    if (options.lang == "cpp" && !chosen.empty() && !session.options.quiet)
        fmt::print(stderr, "tpc: the kernel is written for the sizes {}, which were chosen (-D or --input gives others)\n",
                   chosen);
    return samples;
}

std::string command_line(const Session& session, const EmitOptions& options) {
    std::string text = fmt::format("tpc {} emit {} --lang {}", TPC_VERSION, session.options.file, options.lang);
    for (const std::string& define : session.options.defines)
        text += " -D " + define;
    if (session.options.rates != "unit")
        text += " --rates " + session.options.rates;
    return text;
}

std::string write(Session& session, const EmitOptions& options) {
    ir::Program program = compile(session);
    const Samples samples = sizes(session, program, options);
    check::Verdict verdict = judge(session, program, std::vector<const Samples*>{&samples});
    require_justified(session, verdict);
    const emit::About about{session.options.file, session.files.files[0].text, check::describe(verdict, program),
                            command_line(session, options)};
    const network::Network network = network::name_preactivations(std::move(program), std::move(verdict.terms));
    std::optional<limit::Recursions> derived;
    if (!session.clean([&](auto& found) { derived = limit::derive(network, {}, found); }) || !derived)
        throw Failure{out_of_reach, ""};
    if (options.lang == "latex")
        return emit::latex(*derived, about);
    const plan::Plan plan = build_plan(session, network, samples.sizes, samples.sizes, true);
    std::optional<std::string> text;
    session.clean([&](auto& found) { text = emit::cpp(plan, *derived, about, found); });
    if (!text)
        throw Failure{out_of_reach, "nothing is written: tpc kernel computes what emitted files cannot"};
    return *text;
}

void run(Session& session, const EmitOptions& options) {
    if (session.options.dtype != "f64")
        throw Failure{usage_error, "emitted kernels compute in double precision: --dtype f64 is the only one"};
    if (!options.out.empty())
        require_writable(options.out);
    const std::string text = write(session, options);
    session.result["language"] = options.lang;
    if (options.out.empty()) {
        session.print(text);
        session.result["text"] = text;
        return;
    }
    write_text(options.out, text);
    session.inform(fmt::format("written to {}\n", options.out));
    session.result["file"] = options.out;
}

} // namespace

Run add_emit(CLI::App& command) {
    const auto options = std::make_shared<EmitOptions>();
    command
        .add_option(
            "--lang", options->lang,
            "cpp: the kernel for samples of given sizes, one file of standard C++; latex: its derivation, a document")
        ->required()
        ->check(CLI::IsMember({"cpp", "latex"}))
        ->type_name("LANGUAGE");
    add_files(command, "--input", options->inputs, "sizes of the samples from these data");
    command.add_option("-o,--output", options->out, "the file to write (default: standard output)")->type_name("FILE");
    return [options](Session& session) { run(session, *options); };
}

} // namespace tpc::cli
