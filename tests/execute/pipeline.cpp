#include "tests/execute/pipeline.hpp"

#include "compiler/bind/build.hpp"
#include "compiler/check/gia.hpp"
#include "compiler/network/network.hpp"
#include "compiler/plan/plan.hpp"
#include "compiler/verify/verify.hpp"
#include "grammar/parse.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>

namespace tpc::tests {
namespace {

struct Compiled {
    source::Files files;
    source::Diagnostics diagnostics;
    ir::Program program;

    void require_clean() const {
        if (diagnostics.has_errors())
            throw std::runtime_error(source::render(diagnostics, files));
    }
};

Compiled compile(const std::string& text, const Settings& settings) {
    Compiled result;
    result.files.files.push_back({"test.tp", text});
    const auto tree = grammar::parse(result.files, 0, result.diagnostics);
    result.require_clean();
    auto program = resolve::resolve(tree.value(), result.files, {settings.defines, settings.rates}, result.diagnostics);
    result.require_clean();
    result.program = std::move(program.value());
    return result;
}

ir::Sizes sizes_of(const ir::Program& program, const Set& set) {
    ir::Sizes result = program.sizes;
    for (std::uint32_t s = 0; s < program.symbols.size(); ++s)
        if (const auto found = set.sizes.find(program.symbols[s].name); program.symbols[s].axis && found != set.sizes.end())
            result[static_cast<ir::Symbol>(s)] = found->second;
    return result;
}

execute::SampleSet data_of(const Set& set) {
    execute::SampleSet result{set.samples, {}};
    for (const auto& values : set.inputs)
        result.inputs.push_back({values});
    return result;
}

std::vector<execute::Kernel> outputs_of(execute::Outcome outcome) {
    if (outcome.error)
        throw std::runtime_error(outcome.error->text);
    return std::move(outcome.outputs);
}

} // namespace

Set random_set(const std::string& text, std::size_t samples, std::map<std::string, std::int64_t> sizes, std::uint64_t seed) {
    const Compiled compiled = compile(text, {});
    Set set{samples, std::move(sizes), {}};
    const ir::Sizes by_symbol = sizes_of(compiled.program, set);
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    for (const ir::Input& input : compiled.program.inputs) {
        auto count = static_cast<std::int64_t>(samples);
        for (const ir::Affine& axis : input.axes)
            count *= ir::evaluate(axis, [&](ir::Symbol s) { return by_symbol.at(s); }).value();
        set.inputs.emplace_back();
        for (std::int64_t i = 0; i < count; ++i)
            set.inputs.back().push_back(normal(engine));
    }
    return set;
}

plan::Plan plan_of(const std::string& text, const Set& left, const Set* right, const Settings& settings) {
    Compiled compiled = compile(text, settings);
    const ir::Sizes left_sizes = sizes_of(compiled.program, left);
    const ir::Sizes right_sizes = right != nullptr ? sizes_of(compiled.program, *right) : left_sizes;
    for (const auto& sizes : {left_sizes, right_sizes})
        resolve::verify_elements(compiled.program, sizes, compiled.diagnostics);
    compiled.program.sizes = left_sizes;
    check::Verdict verdict = check::check(compiled.program, compiled.diagnostics);
    compiled.require_clean();
    compiled.program.sizes.clear();
    const network::Network network = network::name_preactivations(std::move(compiled.program), std::move(verdict.terms));
    auto plan = plan::build(network, left_sizes, right_sizes, settings.options.ntk, compiled.diagnostics);
    compiled.require_clean();
    for (const plan::Finding& finding : plan::verify(*plan))
        throw std::logic_error("of the plan, " + finding.text);
    if (settings.form == Settings::Form::planes && plan->planes)
        plan->factored = std::move(plan->planes);
    if (settings.form != Settings::Form::usual)
        plan->planes.reset();
    if (settings.form == Settings::Form::nested)
        for (auto* factored : {&plan->factored, &plan->left.factored, &plan->right.factored})
            factored->reset();
    return std::move(plan.value());
}

execute::Outcome evaluate(const std::string& text, const Set& left, const Set* right, const Settings& settings) {
    const plan::Plan plan = plan_of(text, left, right, settings);
    const execute::SampleSet left_data = data_of(left);
    const execute::SampleSet right_data = right != nullptr ? data_of(*right) : execute::SampleSet{};
    return execute::evaluate(plan, left_data, right != nullptr ? &right_data : nullptr, settings.options);
}

std::vector<execute::Kernel> kernels(const std::string& text, const Set& left, const Settings& settings) {
    return outputs_of(evaluate(text, left, nullptr, settings));
}

std::vector<execute::Kernel> kernels(const std::string& text, const Set& left, const Set& right, const Settings& settings) {
    return outputs_of(evaluate(text, left, &right, settings));
}

double deviation(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size())
        return std::numeric_limits<double>::infinity();
    double largest = 0;
    double difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!std::isfinite(a[i]) || !std::isfinite(b[i]))
            return std::numeric_limits<double>::infinity();
        largest = std::max(largest, std::abs(b[i]));
        difference = std::max(difference, std::abs(a[i] - b[i]));
    }
    return difference == 0 ? 0 : difference / largest;
}

double deviation(const std::vector<execute::Kernel>& a, const std::vector<execute::Kernel>& b) {
    if (a.size() != b.size())
        return std::numeric_limits<double>::infinity();
    double result = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
        if (a[k].shape != b[k].shape)
            return std::numeric_limits<double>::infinity();
        result = std::max({result, deviation(a[k].nngp, b[k].nngp), deviation(a[k].ntk, b[k].ntk)});
    }
    return result;
}

bool identical(const std::vector<execute::Kernel>& a, const std::vector<execute::Kernel>& b) {
    return std::ranges::equal(a, b, [](const execute::Kernel& x, const execute::Kernel& y) {
        return x.shape == y.shape && x.nngp == y.nngp && x.ntk == y.ntk;
    });
}

} // namespace tpc::tests
