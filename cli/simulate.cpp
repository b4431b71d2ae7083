// tpc simulate: networks of finite width against the limit.
#include "cli/commands.hpp"
#include "compiler/bind/output_indices.hpp"

#include "runtime/finite/simulate.hpp"

#include <memory>

namespace tpc::cli {
namespace {

struct SimulateCommand {
    DataFiles data;
    finite::SimulateOptions simulate;
    KernelOptions kernel;
};

finite::SampleSet samples_of(const Samples& samples) {
    finite::SampleSet set{samples.sizes, {}};
    for (std::size_t k = 0; k < samples.shapes.size(); ++k)
        set.data.push_back({samples.shapes[k], samples.set.inputs[k].values});
    return set;
}

// As finite networks give it: of a family with gaps in its box, the members in a row.
finite::Tensor without_gaps(const std::vector<std::size_t>& shape, std::vector<double> values,
                            const plan::OutputIndices& left, const plan::OutputIndices& right) {
    const auto boxed = [](const plan::OutputIndices& side) { return static_cast<std::size_t>(side.box.count()); };
    if (left.places.size() == boxed(left) && right.places.size() == boxed(right))
        return {shape, std::move(values)};
    const std::size_t samples = shape.front(), samples_ = shape[left.box.size.size() + 1];
    finite::Tensor result;
    for (const auto& [side, count] : {std::pair(&left, samples), std::pair(&right, samples_)}) {
        result.shape.push_back(count);
        if (side->places.size() == boxed(*side))
            result.shape.insert(result.shape.end(), side->box.size.begin(), side->box.size.end());
        else
            result.shape.push_back(side->places.size());
    }
    for (std::size_t a = 0; a < samples; ++a)
        for (const std::size_t i : left.places)
            for (std::size_t b = 0; b < samples_; ++b)
                for (const std::size_t j : right.places)
                    result.values.push_back(values[((a * boxed(left) + i) * samples_ + b) * boxed(right) + j]);
    return result;
}

finite::Kernels limit_of(const network::Network& network, std::vector<execute::Kernel> computed, const ir::Sizes& left,
                         const ir::Sizes& right, const Request& request) {
    const auto rows = plan::output_indices(network, left), columns = plan::output_indices(network, right);
    finite::Kernels kernels;
    for (std::size_t k = 0; k < computed.size(); ++k) {
        finite::OutputKernels output{network.outputs[k].name, {}, {}};
        if (request.nngp)
            output.nngp = without_gaps(computed[k].shape, computed[k].nngp, rows[k], columns[k]);
        if (request.ntk)
            output.ntk = without_gaps(computed[k].shape, computed[k].ntk, rows[k], columns[k]);
        kernels.push_back(std::move(output));
    }
    return kernels;
}

// In the order of finite::simulate.
std::vector<finite::Kernels> limit_of(Session& session, const network::Network& network, const Dataset& data,
                                      const Request& request) {
    const std::size_t count = data.groups.size();
    std::vector<finite::Kernels> blocks(count * (count + 1) / 2);
    for_each_block(session, network, data, nullptr, request, [&](Block block) {
        const auto [i, j] = std::pair(block.cell.left_group, block.cell.right_group);
        blocks[finite::pair_index(i, j, count)] =
            limit_of(network, std::move(block.outputs), data.groups[i].sizes, data.groups[j].sizes, request);
    });
    return blocks;
}

nlohmann::ordered_json json_of(const finite::Deviation& deviation) {
    return {{"typical", deviation.typical}, {"of_mean", deviation.of_mean}, {"noise", deviation.noise}};
}

nlohmann::ordered_json json_of(const finite::Table& table) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array(), exponents = nlohmann::ordered_json::object();
    for (const finite::Row& row : table.rows) {
        nlohmann::ordered_json entry{{"width", row.width}, {"seconds", row.seconds}};
        if (table.has_nngp)
            entry["nngp"] = json_of(row.nngp);
        if (table.has_ntk)
            entry["ntk"] = json_of(row.ntk);
        rows.push_back(std::move(entry));
    }
    if (table.has_nngp)
        exponents["nngp"] = {{"typical", table.nngp.typical}, {"of_mean", table.nngp.of_mean}};
    if (table.has_ntk)
        exponents["ntk"] = {{"typical", table.ntk.typical}, {"of_mean", table.ntk.of_mean}};
    return {{"seeds", table.seeds}, {"rows", rows}, {"exponents", exponents}};
}

void run(Session& session, SimulateCommand& options) {
    const ir::Program program = compile(session);
    const Dataset data = read_data(program, options.data);
    const network::Network network = prepare(session, program, groups_of(data));
    const std::vector<finite::Kernels> limit = limit_of(session, network, data, options.kernel.request());
    std::vector<finite::SampleSet> sets;
    for (const Samples& group : data.groups)
        sets.push_back(samples_of(group));

    options.simulate.seed = session.options.seed;
    const bool progress = session.shows_progress();
    if (progress)
        options.simulate.progress = [](std::size_t done, std::size_t total) {
            fmt::print(stderr, "\r{} of {} networks", done, total);
        };
    const finite::Table table = finite::simulate(program, sets, limit, options.simulate);
    if (progress)
        fmt::print(stderr, "\r\x1b[K");
    tell_groups(session, data, "samples");
    session.print(finite::print(table));
    session.result["table"] = json_of(table);
}

} // namespace

Run add_simulate(CLI::App& command) {
    const auto options = std::make_shared<SimulateCommand>();
    add_data(command, options->data,
             "data of an input: an .npy, samples first, or an .npz of inputs by name or of one array a sample");
    command.add_option("--widths", options->simulate.widths, "the widths n")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(whole(1))
        ->type_name("N,...")
        ->capture_default_str();
    command.add_option("--seeds", options->simulate.seeds, "networks a width")->check(whole(1))->capture_default_str();
    add_kernel_options(command, options->kernel);
    return [options](Session& session) { run(session, *options); };
}

} // namespace tpc::cli
