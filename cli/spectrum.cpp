// tpc spectrum: eigenvalues of kernels, and what they say of training.
#include "cli/commands.hpp"

#include "runtime/learn/matrix.hpp"
#include "runtime/learn/spectrum.hpp"

#include <cmath>
#include <memory>

namespace tpc::cli {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

struct SpectrumCommand {
    DataFiles data;
    TargetOptions targets;
    std::string out;
    KernelOptions kernel;
};

struct NamedKernel {
    std::string name; // nngp, ntk.f
    MatrixXd matrix;  // square; rows in the order samples, indices of the output's family
    double error = 0; // of an entry
};

constexpr double fractions[] = {0.1, 0.01, 0.001}; // of the loss, for which times are told

// A family's members that a sample does not have are NaN in its rows and columns: these are left out.
MatrixXd without_gaps(const std::vector<double>& values, Index size) {
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const RowMajor> all(values.data(), size, size);
    std::vector<Index> there;
    for (Index i = 0; i < size; ++i)
        if (!std::isnan(all(i, i)))
            there.push_back(i);
    return all(there, there);
}

// What is known of an entry where nothing was sampled: the tolerance of the methods.
double default_error(const Common& options) {
    constexpr double f64 = 1e-8, f32 = 3e-6;
    return options.tolerance ? std::max(*options.tolerance, options.dtype == "f32" ? f32 : 0.0)
                             : (options.dtype == "f32" ? f32 : f64);
}

std::vector<NamedKernel> named(const network::Network& network, const std::vector<execute::Kernel>& computed,
                               const Request& request, const Common& options) {
    std::vector<NamedKernel> list;
    for (std::size_t k = 0; k < computed.size(); ++k)
        for (const bool ntk : {false, true}) {
            if (!(ntk ? request.ntk : request.nngp))
                continue;
            const std::vector<double> values = ntk ? computed[k].ntk : computed[k].nngp;
            const auto size = static_cast<Index>(std::llround(std::sqrt(static_cast<double>(values.size()))));
            const std::string kind = ntk ? "ntk" : "nngp", &output = network.outputs[k].name;
            NamedKernel kernel{computed.size() > 1 ? fmt::format("{}.{}", kind, output) : kind, without_gaps(values, size)};
            const double sampled = ntk ? computed[k].ntk_error : computed[k].nngp_error;
            kernel.error = std::max(sampled, default_error(options)) * kernel.matrix.cwiseAbs().maxCoeff();
            list.push_back(std::move(kernel));
        }
    return list;
}

// 1, 2, 5, 10, ... and the last.
std::vector<Index> places(Index count) {
    std::vector<Index> list;
    for (Index decade = 1; decade < count; decade *= 10)
        for (const Index step : {1, 2, 5})
            if (decade * step < count)
                list.push_back(decade * step);
    list.push_back(count);
    return list;
}

// Without infinity, which JSON does not have.
nlohmann::ordered_json number(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json("inf");
}

// Eigenvalues of a matrix whose entries are off by e are off by the norm of the error at most (H. Weyl), e times its size.
struct Known {
    double error = 0;   // of an eigenvalue
    Index resolved = 0; // how many are larger
};

Known known(const NamedKernel& kernel, const learn::Spectrum& spectrum) {
    const double error = kernel.error * static_cast<double>(spectrum.values.size());
    return {error, (spectrum.values.array() > error).count()};
}

void show_values(Session& session, const NamedKernel& kernel, const learn::Spectrum& spectrum, const Known& known) {
    const VectorXd& values = spectrum.values;
    const Index count = values.size();
    const double trace = values.sum(), largest = values[0], least = values[count - 1];
    auto& result = session.result["kernels"][kernel.name];
    result = {{"size", count}, {"error", known.error}, {"resolved", known.resolved}, {"trace", trace}};
    result["eigenvalues"] = std::vector<double>(values.begin(), values.end());
    session.print(fmt::format("{}: {} eigenvalues, each within {:.2g}\n", kernel.name, count, known.error));
    if (known.resolved == count) {
        result["condition"] = largest / least;
        session.print(fmt::format("  condition {:.4g}", largest / least));
    } else {
        session.print(fmt::format("  {} of them within that of 0, condition at least {:.4g}", count - known.resolved,
                                  largest / std::max(known.error, least)));
    }
    session.print(fmt::format(", trace {:.6g}, effective rank (trace / largest) {:.4g}\n", trace, trace / largest));
    result["learning_rate"] = number(2 / largest);
    session.print(fmt::format("  gradient descent on half the sum of squares converges for learning rates below {:.4g}\n",
                              2 / largest));
}

void show_table(const Session& session, const learn::Spectrum& spectrum, const Known& known,
                const std::optional<VectorXd>& power) {
    const VectorXd& values = spectrum.values;
    session.print(fmt::format("  {:>6} {:>12} {:>12} {:>14}{}\n", "k", "eigenvalue", "of trace", "time 1/value",
                              power ? "   of targets" : ""));
    double trace = 0, reached = 0;
    Index from = 0;
    for (const Index k : places(values.size())) {
        for (; from < k; ++from) {
            trace += values[from];
            reached += power ? (*power)[from] : 0;
        }
        const bool resolved = k <= known.resolved;
        session.print(fmt::format("  {:>6} {:>12} {:>11.2f}% {:>14}{}\n", k,
                                  resolved ? fmt::format("{:.5g}", values[k - 1]) : fmt::format("< {:.2g}", 2 * known.error),
                                  100 * trace / values.sum(), resolved ? fmt::format("{:.4g}", 1 / values[k - 1]) : "-",
                                  power ? fmt::format(" {:>11.2f}%", 100 * reached / power->sum()) : ""));
    }
}

// What the targets make of it. Of directions whose eigenvalue may be 0 nothing is known: they are taken as 0.
void show_targets(Session& session, const NamedKernel& kernel, learn::Spectrum spectrum, const Known& known,
                  const VectorXd& power, bool one_column) {
    auto& result = session.result["kernels"][kernel.name];
    spectrum.values.tail(spectrum.values.size() - known.resolved).setZero();
    std::string times;
    for (const double fraction : fractions) {
        const double time = learn::time_to(spectrum, power, fraction);
        times += fmt::format("{}{:g} % at {}", times.empty() ? "" : ", ", 100 * fraction,
                             std::isinf(time) ? "no known time" : fmt::format("{:.4g}", time));
        result["times"][fmt::format("{:g}", fraction)] = number(time);
    }
    session.print(fmt::format("  gradient flow brings the loss to {}\n", times));
    if (!one_column) // the bound is that of one number to learn
        return;
    const double bound = learn::complexity(spectrum, power);
    result["bound"] = number(bound);
    session.print(fmt::format("  sqrt(2 y' K^-1 y / N) = {}, a bound of the expected loss (Arora et al. 2019)\n",
                              std::isinf(bound) ? "not known: the targets reach into eigenvalues near 0"
                                                : fmt::format("{:.4g}", bound)));
}

void show(Session& session, const NamedKernel& kernel, const std::optional<Targets>& targets,
          std::vector<io::Member>& members) {
    const auto spectrum = learn::decompose(kernel.matrix);
    if (!spectrum)
        throw Failure{data_error, fmt::format("{}: {}", kernel.name, spectrum.error().text)};
    if (!(spectrum->values[0] > 0))
        throw Failure{data_error, fmt::format("{}: the kernel is 0", kernel.name)};
    const Known eigenvalues = known(kernel, *spectrum);
    if (spectrum->clipped > eigenvalues.error)
        session.warn(fmt::format("the {} has an eigenvalue of -{:.2g}, and a kernel has none below 0: its entries are less "
                                 "accurate than stated",
                                 kernel.name, spectrum->clipped));
    std::optional<VectorXd> power;
    if (targets)
        power = learn::power(*spectrum, targets->values);
    show_values(session, kernel, *spectrum, eigenvalues);
    show_table(session, *spectrum, eigenvalues, power);
    if (power)
        show_targets(session, kernel, *spectrum, eigenvalues, *power, targets->values.cols() == 1);
    members.push_back({"eigenvalues." + kernel.name, learn::to_array(spectrum->values)});
    members.back().array.shape = {members.back().array.values.size()};
    members.push_back({"eigenvectors." + kernel.name, learn::to_array(spectrum->vectors)});
}

void run(Session& session, const SpectrumCommand& options) {
    const ir::Program program = compile(session);
    const bool scalar = program.outputs.size() == 1 && program.outputs.front().family.empty();
    if (!options.targets.file.empty() && !scalar)
        throw Failure{usage_error, "--targets needs a program with one output, a scalar"};
    if (!options.out.empty())
        require_writable(options.out);
    const Dataset data = read_data(program, options.data);
    std::optional<Targets> targets;
    if (!options.targets.file.empty()) {
        const MatrixXd values = read_targets(options.targets.file);
        require_samples(values, options.targets.file, data.samples, "samples");
        targets = make_targets(values, options.targets);
    }
    const Request request = options.kernel.request();
    const network::Network network = prepare(session, program, groups_of(data));
    std::vector<io::Member> members;
    for (const NamedKernel& kernel :
         named(network, kernels(session, network, data, nullptr, request), request, session.options))
        show(session, kernel, targets, members);
    write_members(session, options.out, members);
}

} // namespace

Run add_spectrum(CLI::App& command) {
    const auto options = std::make_shared<SpectrumCommand>();
    add_data(command, options->data,
             "data of an input: an .npy, samples first, or an .npz of inputs by name or of one array a sample");
    add_targets(command, options->targets, "what to learn, a number or a row a sample: how it lies to the eigenvectors");
    command.add_option("-o,--output", options->out, "an .npz for eigenvalues and eigenvectors")
        ->check(array_file({".npz"}))
        ->type_name("OUT.npz");
    add_kernel_options(command, options->kernel);
    return [options](Session& session) { run(session, *options); };
}

} // namespace tpc::cli
