// tpc kernel: the NNGP and the tangent kernel of sample sets, as an .npz.
#include "cli/commands.hpp"

#include "runtime/io/npy.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

namespace tpc::cli {
namespace {

struct KernelCommand {
    DataFiles left, right{{}, {}, "--input2", "--lengths2"};
    std::string out;
    KernelOptions kernel;
};

void run(Session& session, const KernelCommand& options) {
    const auto start = std::chrono::steady_clock::now();
    ir::Program program = compile(session);
    const Dataset left = read_data(program, options.left);
    Dataset other;
    const Dataset* right = options.right.inputs.empty() ? nullptr : &other;
    if (right != nullptr)
        other = read_data(program, options.right);
    const limit::Network network = prepare(session, std::move(program), groups_of(left, right));
    require_writable(options.out);
    auto computed = kernels(session, network, left, right, options.kernel.request());

    std::vector<io::Member> members;
    for (std::size_t k = 0; k < computed.size(); ++k) {
        const std::string suffix =
            network.outputs[k].name.empty() || computed.size() == 1 ? "" : "." + network.outputs[k].name;
        // Sampled kernels come with the estimate of their error.
        const auto add = [&](const std::string& name, std::vector<double>& values, double error) {
            members.push_back({name + suffix, {computed[k].shape, std::move(values)}});
            if (error > 0)
                members.push_back({name + "_error" + suffix, {{}, {error}}});
        };
        if (options.kernel.request().nngp)
            add("nngp", computed[k].nngp, computed[k].nngp_error);
        if (options.kernel.request().ntk)
            add("ntk", computed[k].ntk, computed[k].ntk_error);
    }
    const auto precision = session.options.dtype == "f32" ? io::Precision::f32 : io::Precision::f64;
    if (const auto done = io::write_npz(options.out, members, precision); !done)
        throw Failure{data_error, done.error().text};

    const auto lacks = [](const io::Member& member) {
        return std::ranges::any_of(member.array.values, [](double value) { return std::isnan(value); });
    };
    tell_groups(session, left, "samples");
    if (right != nullptr)
        tell_groups(session, *right, "samples of the second set");
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    for (const io::Member& member : members) {
        if (member.name.find("_error") != std::string::npos)
            session.inform(fmt::format("{} {:.1e} of the largest entry, estimated\n", member.name, member.array.values[0]));
        else
            session.inform(fmt::format("{} {}\n", member.name, io::show_shape(member.array.shape)));
        session.result["members"][member.name] = member.array.shape;
    }
    if (std::ranges::any_of(members, lacks))
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
    command.add_option("-o,--output", options->out, "the .npz to write")->required()->type_name("OUT.npz");
    add_kernel_options(command, options->kernel);
    return [options](Session& session) { run(session, *options); };
}

} // namespace tpc::cli
