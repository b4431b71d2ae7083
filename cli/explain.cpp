// tpc explain: the methods of a kernel's expectations, their errors and costs.
#include "cli/commands.hpp"

#include "runtime/execute/explain.hpp"

#include <memory>

namespace tpc::cli {
namespace {

struct ExplainCommand {
    DataFiles left, right{{}, {}, "--input2", "--lengths2"};
    KernelOptions kernel;
};

nlohmann::ordered_json as_json(const execute::Ledger& ledger) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [key, entry] : ledger.entries) {
        const auto& [pair, what, of, method] = key;
        const std::size_t units = std::max<std::size_t>(pair ? ledger.pairs : ledger.samples, 1);
        list.push_back({{"for", pair ? "pair" : "sample"},
                        {"expectation", what},
                        {"gaussians", of},
                        {"dimension", entry.dimension},
                        {"method", method},
                        {"points", entry.points},
                        {"seconds", entry.seconds / static_cast<double>(units)},
                        {"error", entry.error}});
    }
    return list;
}

void run(Session& session, const ExplainCommand& options) {
    ir::Program program = compile(session);
    const Dataset first = read_data(program, options.left);
    Dataset second;
    if (!options.right.inputs.empty())
        second = read_data(program, options.right);
    const Samples& left = largest_of(session, program, first);
    const Samples* right = options.right.inputs.empty() ? nullptr : &largest_of(session, program, second);
    const network::Network network =
        prepare(session, std::move(program), groups_of(first, right != nullptr ? &second : nullptr));
    const Request request = options.kernel.request();
    const plan::Plan plan =
        build_plan(session, network, left.sizes, right != nullptr ? right->sizes : left.sizes, request.ntk);
    session.show_diagnostics();
    const execute::Explanation explanation =
        execute::explain(plan, left.set, right != nullptr ? &right->set : nullptr, execute_options(session, request));
    session.print(execute::print(explanation));
    session.result["expectations"] = as_json(explanation.ledger);
    session.result["names"] = explanation.names;
    session.result["nngp_error"] = explanation.nngp_error;
    session.result["ntk_error"] = explanation.ntk_error;
    if (explanation.error)
        throw failure(*explanation.error);
}

} // namespace

Run add_explain(CLI::App& command) {
    const auto options = std::make_shared<ExplainCommand>();
    add_data(command, options->left,
             "data of an input; three samples are evaluated, those of the least and the greatest norm among them, of "
             "samples of several sizes three of the largest")
        ->required();
    add_data(command, options->right, "the second sample set (default: the first again)");
    add_kernel_options(command, options->kernel);
    return [options](Session& session) { run(session, *options); };
}

} // namespace tpc::cli
