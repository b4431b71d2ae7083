#include "tests/finite/limit.hpp"

#include "compiler/bind/build.hpp"
#include "compiler/resolve/resolve.hpp"
#include "compiler/verify/verify.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace tpc::tests {
namespace {

void require_clean(const source::Diagnostics& diagnostics) {
    if (!diagnostics.has_errors())
        return;
    std::string text;
    for (const source::Diagnostic& diagnostic : diagnostics.list)
        text += std::string(source::name_of(diagnostic.id)) + ": " + diagnostic.text + "\n";
    throw Refused(text);
}

execute::SampleSet data_of(const finite::SampleSet& set) {
    execute::SampleSet result{set.data.at(0).shape.at(0), {}};
    for (const finite::Tensor& tensor : set.data)
        result.inputs.push_back({tensor.values});
    return result;
}

double difference(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size())
        return std::numeric_limits<double>::infinity();
    double largest = 0, found = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!std::isfinite(a[i]) || !std::isfinite(b[i]))
            return std::numeric_limits<double>::infinity();
        largest = std::max(largest, std::abs(b[i]));
        found = std::max(found, std::abs(a[i] - b[i]));
    }
    return found == 0 ? 0 : found / largest;
}

} // namespace

plan::Plan plan(const ir::Program& program, const ir::Sizes& left, const ir::Sizes& right) {
    ir::Program copy = program;
    source::Diagnostics diagnostics;
    check::Verdict verdict;
    for (const ir::Sizes& sizes : {left, right}) {
        resolve::verify_elements(program, sizes, diagnostics);
        copy = program;
        for (const auto& [symbol, size] : sizes)
            copy.sizes[symbol] = size;
        verdict = check::check(copy, diagnostics);
        require_clean(diagnostics);
    }
    copy.sizes = program.sizes;
    const network::Network network = network::name_preactivations(std::move(copy), std::move(verdict.terms));
    auto result = plan::build(network, left, right, true, diagnostics);
    require_clean(diagnostics);
    for (const plan::Finding& finding : plan::verify(*result))
        throw std::logic_error("of the plan, " + finding.text);
    return std::move(result.value());
}

finite::Kernels limit(const plan::Plan& plan, const finite::SampleSet& left, const finite::SampleSet* right,
                      const execute::Options& options, double* stated) {
    const execute::SampleSet left_data = data_of(left);
    const execute::SampleSet right_data = right != nullptr ? data_of(*right) : execute::SampleSet{};
    execute::Outcome outcome = execute::evaluate(plan, left_data, right != nullptr ? &right_data : nullptr, options);
    if (outcome.error)
        throw Refused(outcome.error->text);
    if (stated != nullptr)
        for (const execute::Kernel& kernel : outcome.outputs)
            *stated = std::max({*stated, kernel.nngp_error, kernel.ntk_error});
    finite::Kernels kernels;
    for (execute::Kernel& kernel : outcome.outputs)
        kernels.push_back({"", {kernel.shape, kernel.nngp}, {kernel.shape, kernel.ntk}});
    return kernels;
}

finite::Kernels limit(const ir::Program& program, const finite::SampleSet& left, const finite::SampleSet* right,
                      const execute::Options& options) {
    return limit(plan(program, left.sizes, right != nullptr ? right->sizes : left.sizes), left, right, options);
}

double difference(const finite::Kernels& a, const finite::Kernels& b) {
    if (a.size() != b.size())
        return std::numeric_limits<double>::infinity();
    double result = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
        if (a[k].nngp.shape != b[k].nngp.shape || a[k].ntk.shape != b[k].ntk.shape)
            return std::numeric_limits<double>::infinity();
        result =
            std::max({result, difference(a[k].nngp.values, b[k].nngp.values), difference(a[k].ntk.values, b[k].ntk.values)});
    }
    return result;
}

} // namespace tpc::tests
