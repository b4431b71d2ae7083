// tpc kernel: the NNGP and the tangent kernel of sample sets, as an .npz.
#include "cli/commands.hpp"

#include "cli/kernel_run.hpp"

#include <chrono>
#include <memory>

namespace tpc::cli {
namespace {

struct KernelCommand {
    DataFiles left, right{{}, {}, "--input2", "--lengths2"};
    std::string out, rows, columns;
    std::size_t memory = 0;
    bool restart = false;
    KernelOptions kernel;
};

// "A:B" as in NumPy, A and B counted from 0 and either left out.
execute::Span span_of(const std::string& text, const char* option, std::size_t samples) {
    if (text.empty())
        return {0, samples};
    const auto bad = [&](const std::string& why) {
        return Failure{usage_error, fmt::format("{} {}: {}", option, text, why)};
    };
    const auto number = [&](const std::string& digits, std::size_t absent) {
        if (digits.empty())
            return absent;
        if (digits.size() > 15 || digits.find_first_not_of("0123456789") != std::string::npos)
            throw bad("two numbers A:B are needed, for the samples A to B - 1, counted from 0");
        return static_cast<std::size_t>(std::stoull(digits));
    };
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos)
        throw bad("two numbers A:B are needed, for the samples A to B - 1, counted from 0");
    const std::size_t first = number(text.substr(0, colon), 0), end = number(text.substr(colon + 1), samples);
    if (end > samples)
        throw bad(fmt::format("there are only {} samples", samples));
    if (first >= end)
        throw bad("these are no samples");
    return {first, end - first};
}

void run(Session& session, const KernelCommand& options) {
    const auto start = std::chrono::steady_clock::now();
    ir::Program program = compile(session);
    const Dataset left = read_data(program, options.left);
    Dataset other;
    const Dataset* right = options.right.inputs.empty() ? nullptr : &other;
    if (right != nullptr)
        other = read_data(program, options.right);
    const execute::Span rows = span_of(options.rows, "--rows", left.samples);
    const execute::Span columns = span_of(options.columns, "--columns", (right != nullptr ? *right : left).samples);
    const network::Network network = prepare(session, std::move(program), groups_of(left, right));
    require_writable(options.out);
    const KernelSummary summary = run(session, {network, left, right, options.kernel.request(), rows, columns, options.out,
                                                options.memory, options.restart});
    tell_groups(session, left, "samples");
    if (right != nullptr)
        tell_groups(session, *right, "samples of the second set");
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    for (const KernelLayout::Member& member : summary.members) {
        session.inform(fmt::format("{} {}\n", member.name, io::show_shape(member.shape)));
        session.result["members"][member.name] = member.shape;
    }
    for (const io::Member& error : summary.errors) {
        session.inform(fmt::format("{} {:.1e} of the largest entry, estimated\n", error.name, error.array.values[0]));
        session.result["members"][error.name] = error.array.shape;
    }
    if (summary.has_gaps)
        session.inform("NaN stands for the outputs that a sample does not have\n");
    session.inform(fmt::format("written to {} after {:.3g} s\n", options.out, elapsed.count()));
    session.result["file"] = options.out;
    session.result["seconds"] = elapsed.count();
}

} // namespace

Run add_kernel(CLI::App& command) {
    const auto options = std::make_shared<KernelCommand>();
    add_data(command, options->left,
             "data of an input: an .npy, samples first, or an .npz of inputs by name or of one array a sample");
    add_data(command, options->right, "the second sample set (default: the first again)");
    command
        .add_option("-o,--output", options->out,
                    "the .npz to write, or an .npy for one kernel of one output. A long run writes OUT.part block by block; "
                    "the same command goes on from there after an interruption")
        ->required()
        ->check(array_file({".npz", ".npy"}))
        ->type_name("OUT");
    command
        .add_option("--rows", options->rows, "only the rows of these samples, of the first set: A to B - 1, counted from 0")
        ->type_name("A:B");
    command
        .add_option("--columns,--cols", options->columns,
                    "only the columns of these samples, of the second set (or the first)")
        ->type_name("A:B");
    command
        .add_option("--memory", options->memory,
                    "what the run may take, such as 500MB; less is slower (default: 1GB, or what the network needs)")
        ->transform(CLI::AsSizeValue(true))
        ->type_name("SIZE");
    command.add_flag("--restart", options->restart, "begin anew where an unfinished OUT.part is there");
    add_kernel_options(command, options->kernel);
    return [options](Session& session) { run(session, *options); };
}

} // namespace tpc::cli
