// tpc: compiles tensor programs and evaluates their limits.
#include "cli/commands.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <new>

namespace {

using namespace tpc::cli;

struct Command {
    const char* name;
    const char* about;
    Run (*add)(CLI::App&);
    bool one_program = true; // takes FILE and the options of a compilation
};

constexpr Command commands[] = {
    {"check", "parse, type-check and give the verdict of the simple GIA check", add_check},
    {"show", "print a stage of the compilation", add_show},
    {"kernel", "compute the NNGP and the tangent kernel of data", add_kernel},
    {"explain", "the methods of a kernel's expectations, their errors and costs", add_explain},
    {"simulate", "compare networks of finite width with the limit", add_simulate},
    {"predict", "kernel regression: learn from one set of data, predict for another", add_predict},
    {"spectrum", "eigenvalues of the kernels of data, and how fast training converges along them", add_spectrum},
    {"emit", "write a compiled kernel as C++, or its derivation as LaTeX", add_emit},
    {"fmt", "lay out programs: the same text for the same program", add_fmt, false},
    {"lsp", "serve an editor: diagnostics, hover, definitions, completion", add_lsp, false},
};

constexpr const char* exit_codes =
    "Exit codes: 0 success; 1 errors in the program; 2 the simple GIA check fails, or a limit does "
    "not exist; 3 unusable data, or an\noutput that cannot be written; 4 beyond the tolerance or "
    "the methods; 64 wrong usage.";

void add_reporting(CLI::App& command, Common& options) {
    command.add_flag("--quiet", options.quiet, "no progress, no remarks");
    command.add_flag("--json", options.json, "one JSON object on standard output: diagnostics, verdict, results");
}

void add_common(CLI::App& command, Common& options) {
    command.add_option("FILE", options.file, "the program, a .tp file")->required()->type_name("");
    command.add_option("-D", options.defines, "a parameter of the program, or the size of an axis")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    command
        .add_option("--rates", options.rates,
                    "learning rates of parameters that have none of their own: 1, or n times the variance")
        ->check(CLI::IsMember({"unit", "variance"}))
        ->capture_default_str();
    command.add_flag("--assume-gia", options.assume_gia, "compute although the check fails; the result is a heuristic");
    command.add_flag("--exact", options.exact, "the limit without the check (not available yet where the check fails)");
    command.add_option("--dtype", options.dtype, "precision of the computation and of the output")
        ->check(CLI::IsMember({"f64", "f32"}))
        ->capture_default_str();
    command
        .add_option("--tol", options.tolerance,
                    "allowed error, relative to the largest entry of the kernel; 1e-8, or 1e-4 where "
                    "expectations over several Gaussians are sampled")
        ->check(positive());
    command.add_option("--threads", options.threads, "0: all cores")->check(whole(0))->capture_default_str();
    command.add_option("--seed", options.seed, "of random numbers")->check(whole(0))->capture_default_str();
}

// CLI11 would only say that a command is missing.
bool is_unknown(const std::string& word) {
    return !word.starts_with('-') &&
           std::ranges::none_of(commands, [&](const Command& entry) { return entry.name == word; });
}

std::string unknown_command(const std::string& word) {
    std::vector<std::string> known;
    for (const Command& entry : commands)
        known.emplace_back(entry.name);
    return fmt::format("there is no command {}{}; the commands are {}", word, tpc::source::did_you_mean(word, known),
                       fmt::join(known, ", "));
}

// CLI11 names what it did not expect; what was meant is the nearest of the command's options.
std::string wrong_arguments(const CLI::App& app, const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    const std::vector<std::string> left = app.remaining(true);
    const auto option = std::ranges::find_if(left, [](const std::string& word) { return word.starts_with("-"); });
    if (chosen.empty() || option == left.end())
        return fmt::format("{}; tpc --help says more", error.what());
    std::vector<std::string> known;
    for (const CLI::Option* each : chosen.front()->get_options())
        for (const std::string& name : each->get_lnames())
            known.push_back("--" + name);
    const std::string name = option->substr(0, option->find('='));
    return fmt::format("tpc {} has no option {}{}; tpc {} --help lists them", chosen.front()->get_name(), name,
                       tpc::source::did_you_mean(name, known), chosen.front()->get_name());
}

int execute(Session& session, const Run& run) {
    try {
        run(session);
        return finish(session, success, "");
    } catch (const Failure& failure) {
        return finish(session, failure.code, failure.text);
    } catch (const std::bad_alloc&) {
        return finish(session, data_error, "there is not enough memory for data of this size");
    } catch (const std::exception& error) {
        constexpr int software = 70; // a mistake of ours
        return finish(session, software, fmt::format("internal error: {}", error.what()));
    }
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGXFSZ, SIG_IGN); // a limit on the size of files is an error like a full disk
    Session session;
    CLI::App app{"Compiles tensor programs and evaluates their infinite-width limits.", "tpc"};
    app.set_version_flag("--version", "tpc " TPC_VERSION);
    app.require_subcommand(1);
    app.footer(exit_codes);
    Run chosen;
    for (const Command& entry : commands) {
        CLI::App* command = app.add_subcommand(entry.name, entry.about);
        if (entry.one_program)
            add_common(*command, session.options);
        add_reporting(*command, session.options);
        command->parse_complete_callback([&chosen, run = entry.add(*command)] { chosen = run; });
        command->footer(exit_codes);
    }
    // Not parsed yet, or not to its end: what is wrong is said as JSON all the same.
    session.options.json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
    if (argc > 1 && is_unknown(argv[1]))
        return finish(session, usage_error, unknown_command(argv[1]));
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& shown) { // --help, --version
        return app.exit(shown) == 0 ? success : usage_error;
    } catch (const CLI::ParseError& error) {
        return finish(session, usage_error, wrong_arguments(app, error));
    }
    return execute(session, chosen);
}
