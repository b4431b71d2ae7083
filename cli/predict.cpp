// tpc predict: regression with the kernels of a program.
#include "cli/commands.hpp"

#include "runtime/learn/matrix.hpp"
#include "runtime/learn/spectrum.hpp"
#include "runtime/learn/split.hpp"

#include <cmath>
#include <memory>
#include <numeric>

namespace tpc::cli {
namespace {

using Matrix = Eigen::MatrixXd;

struct PredictCommand {
    DataFiles train{{}, {}, "--train", "--lengths"}, test{{}, {}, "--test", "--lengths2"};
    TargetOptions targets;
    std::string test_targets, out;
    std::size_t every = 0;
    double ridge = 0;
    double time = std::numeric_limits<double>::infinity();
    KernelOptions kernel;
};

// The kernel among the training samples and from the test samples to them.
struct Blocks {
    std::string name; // nngp, ntk
    Matrix train, cross;
};

Matrix to_matrix(const std::vector<double>& values, std::size_t rows, std::size_t columns) {
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<const RowMajor>(values.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
}

// Kernels of a program with one scalar output, by name.
std::vector<std::pair<std::string, Matrix>> matrices(std::vector<execute::Kernel> computed, const Request& request) {
    const auto& shape = computed.front().shape;
    std::vector<std::pair<std::string, Matrix>> result;
    if (request.nngp)
        result.emplace_back("nngp", to_matrix(computed.front().nngp, shape[0], shape[1]));
    if (request.ntk)
        result.emplace_back("ntk", to_matrix(computed.front().ntk, shape[0], shape[1]));
    return result;
}

struct Problem {
    std::vector<Blocks> kernels;
    Targets targets;             // of the training samples
    std::optional<Matrix> truth; // of the test samples
};

// One set of data, every `every`th sample of which is held out.
Problem split_problem(Session& session, ir::Program program, const PredictCommand& options, const Request& request) {
    const Dataset all = read_data(program, options.train);
    const Matrix values = read_targets(options.targets.file);
    require_samples(values, options.targets.file, all.samples, "samples");
    const auto split = learn::split_every(values.rows(), static_cast<Eigen::Index>(options.every));
    if (split.train.empty() || split.test.empty())
        throw Failure{usage_error, fmt::format("--every {} leaves no {} samples of {}", options.every,
                                               split.train.empty() ? "training" : "test", values.rows())};
    Problem problem;
    problem.targets = make_targets(values(split.train, Eigen::all), options.targets);
    problem.truth = values(split.test, Eigen::all);
    const network::Network network = prepare(session, std::move(program), groups_of(all));
    for (auto& [name, kernel] : matrices(kernels(session, network, all, nullptr, request), request))
        problem.kernels.push_back({name, kernel(split.train, split.train), kernel(split.test, split.train)});
    return problem;
}

Problem two_set_problem(Session& session, ir::Program program, const PredictCommand& options, const Request& request) {
    const Dataset train = read_data(program, options.train);
    const Dataset test = read_data(program, options.test);
    const Matrix values = read_targets(options.targets.file);
    require_samples(values, options.targets.file, train.samples, "training samples");
    Problem problem;
    problem.targets = make_targets(values, options.targets);
    if (!options.test_targets.empty()) {
        problem.truth = read_targets(options.test_targets);
        require_samples(*problem.truth, options.test_targets, test.samples, "test samples");
        if (problem.truth->cols() != values.cols())
            throw Failure{data_error, fmt::format("{} holds {} targets a sample and {} holds {}", options.targets.file,
                                                  values.cols(), options.test_targets, problem.truth->cols())};
    }
    const network::Network network = prepare(session, std::move(program), groups_of(train, &test));
    auto within = matrices(kernels(session, network, train, nullptr, request), request);
    auto across = matrices(kernels(session, network, test, &train, request), request);
    for (std::size_t k = 0; k < within.size(); ++k)
        problem.kernels.push_back({within[k].first, std::move(within[k].second), std::move(across[k].second)});
    return problem;
}

// The predictions of one kernel: printed, and appended to the members of the output.
void solve(Session& session, const Problem& problem, const Blocks& kernel, const PredictCommand& options,
           std::vector<io::Member>& members) {
    const auto fitted = learn::fit_until(options.time, kernel.train, problem.targets.values, options.ridge);
    if (!fitted)
        throw Failure{data_error, fmt::format("{}: {}", kernel.name, fitted.error().text)};
    constexpr double losing_digits = 1e-10;
    if (std::isinf(options.time) && fitted->reciprocal_condition < losing_digits)
        session.warn(
            fmt::format("the {} of the training samples is nearly singular (condition about {:.0e}): a --ridge would "
                        "make the predictions more reliable",
                        kernel.name, 1 / fitted->reciprocal_condition));
    const auto predicted = learn::predict(*fitted, kernel.cross);
    if (!predicted)
        throw Failure{data_error, fmt::format("{}: {}", kernel.name, predicted.error().text)};

    const Score score = judge_predictions(problem.targets, *predicted, problem.truth);
    const std::string when = std::isinf(options.time) ? "" : fmt::format(" at time {:g}", options.time);
    session.print(fmt::format("{}{}: {}\n", kernel.name, when, score.text));
    session.result["kernels"][kernel.name] = score.json;
    session.result["kernels"][kernel.name]["condition"] = 1 / fitted->reciprocal_condition;
    members.push_back({kernel.name, learn::to_array(kernel.train)});
    members.push_back({kernel.name + ".test", learn::to_array(kernel.cross)});
    members.push_back({"predictions." + kernel.name, learn::to_array(*predicted)});
    if (problem.targets.classes)
        members.push_back({"labels." + kernel.name, score.labels});
}

void run(Session& session, const PredictCommand& options) {
    if (options.every == 0 ? options.test.inputs.empty() : !options.test.inputs.empty() || !options.test_targets.empty())
        throw Failure{usage_error, "give either the test samples (--test) or which of the samples to hold out (--every)"};
    if (!(options.ridge >= 0) || !std::isfinite(options.ridge))
        throw Failure{usage_error, "--ridge is a number not below 0"};
    ir::Program program = compile(session);
    if (program.outputs.size() != 1 || !program.outputs.front().family.empty())
        throw Failure{usage_error, "predict needs a program with one output, a scalar"};
    Request request = options.kernel.request();
    if (options.kernel.get.empty())
        request.nngp = false;
    if (!options.out.empty())
        require_writable(options.out);

    const Problem problem = options.every != 0 ? split_problem(session, std::move(program), options, request)
                                               : two_set_problem(session, std::move(program), options, request);
    std::vector<io::Member> members;
    for (const Blocks& kernel : problem.kernels)
        solve(session, problem, kernel, options, members);
    write_members(session, options.out, members);
}

} // namespace

Run add_predict(CLI::App& command) {
    const auto options = std::make_shared<PredictCommand>();
    add_data(command, options->train,
             "training data of an input: an .npy, samples first, or an .npz of inputs by name or of one array a sample",
             "--train,--input");
    add_data(command, options->test, "test data of an input");
    add_targets(command, options->targets, "what to learn: a number or a row a training sample")->required();
    command.add_option("--test-targets", options->test_targets, "what is true of the test samples")->type_name("FILE");
    command.add_option("--every", options->every, "hold out samples K, 2K, ... of --train as the test set")
        ->check(whole(1))
        ->type_name("K");
    command.add_option("--ridge", options->ridge, "added to the diagonal of the kernel")->capture_default_str();
    command
        .add_option("--time", options->time,
                    "predictions after gradient descent on half the sum of squares, from outputs of 0: learning rate times "
                    "steps, or inf (default). By the nngp, only the readout learns")
        ->check(duration())
        ->type_name("T");
    command.add_option("-o,--output", options->out, "an .npz for the kernels and predictions")
        ->check(array_file({".npz"}))
        ->type_name("OUT.npz");
    add_kernel_options(command, options->kernel);
    return [options](Session& session) { run(session, *options); };
}

} // namespace tpc::cli
