// Random programs: their limits against networks of finite width, and against themselves computed in other ways.
#include "tests/finite/agreement.hpp"
#include "tests/finite/compile.hpp"
#include "tests/finite/limit.hpp"
#include "tests/finite/random_program.hpp"

#include <Eigen/Eigenvalues>
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <numeric>

using namespace tpc;

namespace {

enum class Fault { none, refused, rejected, networks, backward, symmetry, order, precision, definite, sizes };

struct Finding {
    Fault fault = Fault::none;
    std::string text;
};

// Samples of normal numbers; the last one may repeat the first, oppose it, or be 0.
finite::SampleSet samples(const ir::Program& program, std::int64_t positions, std::uint64_t seed) {
    auto set = tests::random_samples(program, tests::sizes(program, {{"P", positions}, {"d", 3}}), 3, seed);
    for (std::size_t k = 1; k < set.data.size(); ++k) // the graph: its powers stay small
        for (double& edge : set.data[k].values)
            edge /= static_cast<double>(positions) / 2;
    constexpr std::array factors{1.0, -1.0, 0.0};
    if (seed % 6 < factors.size()) {
        std::vector<double>& xi = set.data[0].values;
        const std::size_t size = xi.size() / 3;
        for (std::size_t k = 0; k < size; ++k)
            xi[2 * size + k] = factors[seed % 6] * xi[k];
    }
    return set;
}

finite::SampleSet reversed(finite::SampleSet set) {
    for (finite::Tensor& tensor : set.data) {
        const std::size_t count = tensor.shape[0], size = tensor.values.size() / count;
        for (std::size_t s = 0; s < count / 2; ++s)
            std::swap_ranges(tensor.values.begin() + static_cast<std::ptrdiff_t>(s * size),
                             tensor.values.begin() + static_cast<std::ptrdiff_t>((s + 1) * size),
                             tensor.values.begin() + static_cast<std::ptrdiff_t>((count - 1 - s) * size));
    }
    return set;
}

// The kernel of two sets whose samples stand in the opposite order: all of a tensor's blocks reversed.
finite::Kernels reversed(finite::Kernels kernels) {
    for (auto& output : kernels)
        for (finite::Tensor* tensor : {&output.nngp, &output.ntk}) {
            const std::size_t axes = tensor->shape.size() / 2;
            const std::size_t left = tensor->shape[0], right = tensor->shape[axes];
            const std::size_t family =
                std::accumulate(tensor->shape.begin() + 1, tensor->shape.begin() + static_cast<std::ptrdiff_t>(axes),
                                std::size_t{1}, std::multiplies<>());
            const std::size_t right_family = std::accumulate(tensor->shape.begin() + static_cast<std::ptrdiff_t>(axes) + 1,
                                                             tensor->shape.end(), std::size_t{1}, std::multiplies<>());
            const std::vector<double> values = tensor->values;
            std::size_t to = 0;
            for (std::size_t a = 0; a < left; ++a)
                for (std::size_t i = 0; i < family; ++i)
                    for (std::size_t b = 0; b < right; ++b)
                        for (std::size_t j = 0; j < right_family; ++j)
                            tensor->values[to++] =
                                values[(((left - 1 - a) * family + i) * right + right - 1 - b) * right_family + j];
        }
    return kernels;
}

// The least eigenvalue over the largest entry.
double least_eigenvalue(const finite::Tensor& kernel) {
    const auto rows = static_cast<Eigen::Index>(std::lround(std::sqrt(static_cast<double>(kernel.values.size()))));
    const Eigen::Map<const Eigen::MatrixXd> matrix(kernel.values.data(), rows, rows);
    const double scale = matrix.cwiseAbs().maxCoeff();
    return scale == 0 ? 0 : Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(matrix).eigenvalues()[0] / scale;
}

Finding judge(const tests::Spec& spec, bool networks) {
    const auto differs = [](Fault fault, const char* what, double difference, double bound) {
        return difference <= bound ? Finding{} : Finding{fault, fmt::format("{}: {:.3e}", what, difference)};
    };
    const std::string text = tests::source(spec);
    const ir::Program program = tests::compile(text);
    const finite::SampleSet set = samples(program, 4, spec.seed), other = samples(program, 8, spec.seed + 7);
    const plan::Plan plan = tests::plan(program, set.sizes, set.sizes);
    const finite::Kernels kernels = tests::limit(plan, set);

    // Differences of positions cancel, and every jump turns an error of e in a covariance into sqrt(e).
    const auto has = [&](const char* word) { return text.find(word) != std::string::npos; };
    const bool sensitive = std::ranges::any_of(spec.layers, &tests::Layer::centred) || has("step(") || has("sign(");
    execute::Options backward, single;
    backward.via = execute::Via::D;
    single.single = true;
    std::vector<Finding> findings{
        differs(Fault::backward, "D and T differ", tests::difference(tests::limit(plan, set, nullptr, backward), kernels),
                1e-9),
        differs(Fault::symmetry, "a set with itself and with its copy differ",
                tests::difference(tests::limit(plan, set, &set), kernels), 1e-9),
        differs(Fault::precision, "f32 and f64 differ", tests::difference(tests::limit(plan, set, nullptr, single), kernels),
                sensitive ? 1e-2 : 1e-4),
    };
    for (const auto& output : kernels)
        for (const finite::Tensor* kernel : {&output.nngp, &output.ntk})
            if (const double least = least_eigenvalue(*kernel); least < -1e-8)
                findings.push_back({Fault::definite, fmt::format("not positive semidefinite: {:.3e}", least)});

    // Two sets of different sizes; the order of samples must not change a bit.
    const plan::Plan mixed = tests::plan(program, set.sizes, other.sizes);
    const finite::Kernels cross = tests::limit(mixed, set, &other);
    const auto set_reversed = reversed(set), other_reversed = reversed(other);
    findings.push_back(differs(Fault::order, "the order of the samples matters",
                               tests::difference(tests::limit(mixed, set_reversed, &other_reversed), reversed(cross)), 0));
    findings.push_back(differs(Fault::backward, "D and T differ between two sets",
                               tests::difference(tests::limit(mixed, set, &other, backward), cross), 1e-9));
    const auto fault = std::ranges::find_if(findings, [](const Finding& f) { return f.fault != Fault::none; });
    if (fault != findings.end())
        return *fault;
    if (!networks)
        return {};
    if (const auto agreement = tests::agreement(program, set, nullptr, kernels); !agreement.holds)
        return {Fault::networks, agreement.table};
    if (const auto agreement = tests::agreement(program, set, &other, cross); !agreement.holds)
        return {Fault::sizes, agreement.table};
    return {};
}

Finding find(const tests::Spec& spec, bool networks) {
    try {
        return judge(spec, networks);
    } catch (const tests::Refused& refusal) {
        return {Fault::refused, refusal.what()};
    } catch (const std::exception& error) {
        return {Fault::rejected, error.what()};
    }
}

// Prints every failing program, cut down to what fails in the same way.
void run(std::uint64_t first, std::uint64_t last) {
    unsigned refused = 0;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        const tests::Spec spec = tests::random_spec(seed);
        const Finding finding = find(spec, true);
        if (finding.fault == Fault::none)
            continue;
        const bool by_networks = finding.fault == Fault::networks || finding.fault == Fault::sizes;
        const auto same = [&](const tests::Spec& s) { return find(s, by_networks).fault == finding.fault; };
        const tests::Spec least = tests::reduced(spec, same);
        const std::string report = fmt::format("seed {}: {}\n{}", seed, find(least, by_networks).text, tests::source(least));
        if (finding.fault == Fault::refused) {
            ++refused;
            std::cout << "refused: " << report << "\n";
            continue;
        }
        FAIL_CHECK(report);
    }
    std::cout << fmt::format("{} of {} programs refused\n", refused, last - first + 1);
    CHECK(refused * 20 <= last - first + 1);
}

} // namespace

// In parts that run side by side.
TEMPLATE_TEST_CASE_SIG("limits of random programs agree with networks, part", "", ((std::uint64_t part), part), 0, 1, 2, 3,
                       4, 5, 6, 7, 8, 9) {
    run(30 * part + 1, 30 * part + 30);
}

// TPC_RANDOM_FIRST and TPC_RANDOM_LAST choose other seeds.
TEST_CASE("limits of many random programs agree with networks", "[.long]") {
    const auto seed = [](const char* name, std::uint64_t otherwise) {
        const char* given = std::getenv(name);
        return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
    };
    run(seed("TPC_RANDOM_FIRST", 301), seed("TPC_RANDOM_LAST", 600));
}
