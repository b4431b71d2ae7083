#include "tests/finite/properties.hpp"

#include "tests/finite/agreement.hpp"
#include "tests/finite/compile.hpp"
#include "tests/finite/limit.hpp"
#include "tests/finite/reference.hpp"

#include <Eigen/Eigenvalues>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace tpc::tests {
namespace {

// Samples of normal numbers; the last one may repeat the first, oppose it, or be 0.
finite::SampleSet samples(const ir::Program& program, std::int64_t positions, std::size_t count, std::uint64_t seed) {
    auto set = random_samples(program, sizes(program, {{"P", positions}, {"d", 3}}), count, seed);
    for (std::size_t k = 1; k < set.data.size(); ++k) // the graph: its powers stay small
        for (double& edge : set.data[k].values)
            edge /= static_cast<double>(positions) / 2;
    constexpr std::array factors{1.0, -1.0, 0.0};
    if (seed % 6 < factors.size()) {
        std::vector<double>& xi = set.data[0].values;
        const std::size_t size = xi.size() / count;
        for (std::size_t k = 0; k < size; ++k)
            xi[(count - 1) * size + k] = factors[seed % 6] * xi[k];
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

Finding first(const std::vector<Finding>& findings) {
    const auto fault = std::ranges::find_if(findings, [](const Finding& f) { return f.fault != Fault::none; });
    return fault == findings.end() ? Finding{} : *fault;
}

// Nothing where the plain recursion is out of its reach.
std::optional<double> from_reference(const ir::Program& program, const finite::SampleSet& left,
                                     const finite::SampleSet* right, const finite::Kernels& kernels) {
    try {
        return difference(kernels, reference_limit(program, left, right));
    } catch (const OutOfReach&) {
        return std::nullopt;
    }
}

Finding judge(const Spec& spec, Effort effort) {
    double stated = 0; // the error, where several Gaussians are sampled
    const auto differs = [&](Fault fault, const char* what, double difference, double bound) {
        return difference <= bound + 4 * stated ? Finding{}
                                                : Finding{fault, fmt::format("{}: {:.3e}", what, difference), false};
    };
    const std::string text = source(spec);
    const ir::Program program = compile(text);
    const finite::SampleSet set = samples(program, 4, effort == Effort::quick ? 2 : 3, spec.seed);
    const plan::Plan plan = tests::plan(program, set.sizes, set.sizes);
    const finite::Kernels kernels = limit(plan, set, nullptr, {}, &stated);
    execute::Options backward, single;
    backward.via = execute::Via::D;
    single.single = true;
    const auto has = [&](const char* word) { return text.find(word) != std::string::npos; };
    const bool sensitive = std::ranges::any_of(spec.layers, &Layer::centred) || has("step(") || has("sign(");
    // D runs on another machine than T: it forms gaps with other roundings, and its series may end elsewhere. What that
    // leaves, 1e-16 and 1e-12 of a covariance, grows behind kinks of nearly equal elements (to its root) and where sums
    // cancel.
    const double machines = sensitive ? 1e-7 : 1e-8;
    // The plain recursion has no gaps: 1e-16 of a covariance is 1e-8 behind a jump, and the root of that behind another
    // kink.
    const double without_gaps = sensitive ? 3e-5 : 1e-6;
    std::vector<Finding> findings{
        differs(Fault::backward, "D and T differ", difference(limit(plan, set, nullptr, backward), kernels), machines),
        differs(Fault::symmetry, "a set with itself and with its copy differ", difference(limit(plan, set, &set), kernels),
                1e-9),
    };
    for (const auto& output : kernels)
        for (const finite::Tensor* kernel : {&output.nngp, &output.ntk})
            if (const double least = least_eigenvalue(*kernel); least < -1e-8)
                findings.push_back({Fault::definite, fmt::format("not positive semidefinite: {:.3e}", least)});
    if (effort == Effort::quick)
        return first(findings);
    const auto apart = from_reference(program, set, nullptr, kernels);
    if (apart)
        findings.push_back(differs(Fault::reference, "the plain recursion differs", *apart, without_gaps));

    // Differences of positions cancel, and every jump turns an error of e in a covariance into sqrt(e).
    findings.push_back(differs(Fault::precision, "f32 and f64 differ",
                               difference(limit(plan, set, nullptr, single), kernels), sensitive ? 1e-2 : 1e-4));

    // Two sets of different sizes; the order of samples must not change a bit.
    const finite::SampleSet other = samples(program, 8, 3, spec.seed + 7);
    const plan::Plan mixed = tests::plan(program, set.sizes, other.sizes);
    const finite::Kernels cross = limit(mixed, set, &other);
    const auto set_reversed = reversed(set), other_reversed = reversed(other);
    findings.push_back(differs(Fault::order, "the order of the samples matters",
                               difference(limit(mixed, set_reversed, &other_reversed), reversed(cross)), 0));
    findings.push_back(differs(Fault::backward, "D and T differ between two sets",
                               difference(limit(mixed, set, &other, backward), cross), machines));
    if (apart)
        if (const auto between = from_reference(program, set, &other, cross))
            findings.push_back(
                differs(Fault::reference, "the plain recursion differs between two sets", *between, without_gaps));
    if (Finding found = first(findings); found.fault != Fault::none || effort == Effort::full) {
        found.compared = apart.has_value();
        return found;
    }
    if (const auto agreement = tests::agreement(program, set, nullptr, kernels); !agreement.holds)
        return {Fault::networks, agreement.table, apart.has_value()};
    if (const auto agreement = tests::agreement(program, set, &other, cross); !agreement.holds)
        return {Fault::sizes, agreement.table, apart.has_value()};
    return {Fault::none, "", apart.has_value()};
}

} // namespace

Finding find(const Spec& spec, Effort effort) {
    try {
        return judge(spec, effort);
    } catch (const Refused& refusal) {
        return {Fault::refused, refusal.what()};
    } catch (const std::exception& error) {
        return {Fault::rejected, error.what()};
    }
}

} // namespace tpc::tests
