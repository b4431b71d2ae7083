// The time of a kernel on random samples, without reading and writing files: one line of JSON a run.
//
//   bench_execution FILE [-D name=value]... [--axis name=size]... --samples N [--threads T] [--f32] [--fused LAYERS]
//
// --fused times the hand-written loop of fused_mlp.cpp beside it, in turns, and prints the ratio.
#include "bench/execution/fused_mlp.hpp"
#include "compiler/check/gia.hpp"
#include "compiler/limit/network.hpp"
#include "compiler/plan/plan.hpp"
#include "compiler/resolve/resolve.hpp"
#include "grammar/parse.hpp"
#include "runtime/execute/evaluate.hpp"
#include "runtime/rows/rows.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <sstream>

namespace {

using namespace tpc;

struct Case {
    std::string file;
    std::vector<std::string> defines, axes;
    std::size_t samples = 1000;
    int threads = 1;
    bool single = false;
    int fused = 0;
    int runs = 3;
};

std::map<std::string, std::string> pairs(const std::vector<std::string>& texts) {
    std::map<std::string, std::string> result;
    for (const std::string& text : texts)
        result[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
    return result;
}

struct Ready {
    plan::Plan plan;
    execute::SampleSet data;
    std::vector<double> first_input;
};

Ready prepare(const Case& given) {
    source::Files files;
    source::Diagnostics diagnostics;
    const auto require = [&] {
        if (diagnostics.has_errors())
            throw std::runtime_error(source::render(diagnostics, files));
    };
    std::stringstream text;
    text << std::ifstream(given.file).rdbuf();
    files.files.push_back({given.file, text.str()});
    const auto tree = grammar::parse(files, 0, diagnostics);
    require();
    auto program = resolve::resolve(tree.value(), files, {pairs(given.defines), resolve::Rates::unit}, diagnostics);
    require();
    ir::Sizes sizes = program->sizes;
    const auto axes = pairs(given.axes);
    for (std::uint32_t s = 0; s < program->symbols.size(); ++s)
        if (const auto found = axes.find(program->symbols[s].name); program->symbols[s].axis && found != axes.end())
            sizes[static_cast<ir::Symbol>(s)] = std::stoll(found->second);
    Ready ready;
    ready.data.samples = given.samples;
    std::mt19937_64 engine(1);
    std::normal_distribution<double> normal;
    for (const ir::Input& input : program->inputs) {
        auto count = static_cast<std::int64_t>(given.samples);
        for (const ir::Affine& axis : input.axes)
            count *= ir::evaluate(axis, [&](ir::Symbol s) { return sizes.at(s); }).value();
        ready.data.inputs.emplace_back();
        for (std::int64_t i = 0; i < count; ++i)
            ready.data.inputs.back().values.push_back(normal(engine));
    }
    program->sizes = sizes;
    check::Verdict verdict = check::check(program.value(), diagnostics);
    require();
    program->sizes.clear();
    const limit::Network network = limit::name_preactivations(std::move(program.value()), std::move(verdict.terms));
    auto plan = plan::build(network, sizes, sizes, true, diagnostics);
    require();
    ready.plan = std::move(plan.value());
    return ready;
}

// Of the processor where one thread runs: others on the machine count for less then.
template <class F> double seconds(int threads, const F& f) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t ticks = std::clock();
    f();
    return threads == 1 ? static_cast<double>(std::clock() - ticks) / CLOCKS_PER_SEC
                        : std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void run(const Case& given) {
    const Ready ready = prepare(given);
    execute::Options options;
    options.threads = given.threads;
    options.single = given.single;
    double best = 1e300;
    double fused = 1e300;
    const std::size_t d = ready.data.inputs.front().values.size() / given.samples;
    for (int k = 0; k < given.runs; ++k) {
        best = std::min(best, seconds(given.threads, [&] {
                            const execute::Outcome outcome = execute::evaluate(ready.plan, ready.data, nullptr, options);
                            if (outcome.error)
                                throw std::runtime_error(*outcome.error);
                        }));
        if (given.fused > 0)
            fused = std::min(fused, seconds(given.threads, [&] {
                                 const std::vector<double>& x = ready.data.inputs.front().values;
                                 const double sum = given.single
                                                        ? bench::fused_relu_mlp<float>(x, given.samples, d, given.fused)
                                                        : bench::fused_relu_mlp<double>(x, given.samples, d, given.fused);
                                 if (sum == 0)
                                     throw std::runtime_error("the fused loop computed nothing");
                             }));
    }
    const double pairs = static_cast<double>(given.samples) * static_cast<double>(given.samples + 1) / 2;
    std::string text = fmt::format(
        R"({{"file": "{}", "samples": {}, "threads": {}, "precision": "{}", "instructions": "{}", "seconds": {:.6g}, "ns_per_pair": {:.6g})",
        given.file, given.samples, given.threads, given.single ? "f32" : "f64", rows::instruction_set(), best,
        best / pairs * 1e9);
    if (given.fused > 0)
        text += fmt::format(R"(, "fused_seconds": {:.6g}, "ratio_to_fused": {:.4g})", fused, best / fused);
    std::cout << text << "}\n";
}

} // namespace

int main(int argc, char** argv) {
    Case given;
    CLI::App app("times the kernel of a program on random samples");
    app.add_option("file", given.file)->required();
    app.add_option("-D", given.defines);
    app.add_option("--axis", given.axes);
    app.add_option("--samples", given.samples);
    app.add_option("--threads", given.threads);
    app.add_option("--runs", given.runs);
    app.add_option("--fused", given.fused);
    app.add_flag("--f32", given.single);
    CLI11_PARSE(app, argc, argv);
    try {
        run(given);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    return 0;
}
