// The time of a kernel on random samples, without reading and writing files: one line of JSON a run.
//
//   bench_execution FILE [-D name=value]... [--axis name=size]... --samples N [--threads T] [--f32] [--fused LAYERS
//   [--network mlp|cnn|pooled]]
//
// --fused times a loop written by hand (fused_mlp.cpp, fused_cnn.cpp) beside it, in turns, and prints the ratio of the times
// and how far the sums of the tangent kernels are apart.
#include "bench/execution/fused_cnn.hpp"
#include "bench/execution/fused_mlp.hpp"
#include "compiler/bind/build.hpp"
#include "compiler/check/gia.hpp"
#include "compiler/network/network.hpp"
#include "compiler/plan/plan.hpp"
#include "compiler/resolve/resolve.hpp"
#include "grammar/parse.hpp"
#include "runtime/execute/evaluate.hpp"
#include "runtime/rows/rows.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
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
    std::string network = "mlp";
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
    const network::Network network = network::name_preactivations(std::move(program.value()), std::move(verdict.terms));
    auto plan = plan::build(network, sizes, sizes, true, diagnostics);
    require();
    ready.plan = std::move(plan.value());
    return ready;
}

// By the clock, and of the processor: with one thread the latter leaves out most of what others do on the machine.
struct Time {
    double clock = 1e300, processor = 1e300;
    template <class F> void least(const F& f) {
        const auto start = std::chrono::steady_clock::now();
        const std::clock_t ticks = std::clock();
        f();
        clock = std::min(clock, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        processor = std::min(processor, static_cast<double>(std::clock() - ticks) / CLOCKS_PER_SEC);
    }
};

double by_hand(const Case& given, const execute::SampleSet& data) {
    const std::vector<double>& x = data.inputs.front().values;
    if (given.network == "mlp") {
        const std::size_t d = x.size() / given.samples;
        return given.single ? bench::fused_relu_mlp<float>(x, given.samples, d, given.fused)
                            : bench::fused_relu_mlp<double>(x, given.samples, d, given.fused);
    }
    const auto axes = pairs(given.axes);
    const auto size = [&](const char* axis) { return static_cast<std::size_t>(std::stoll(axes.at(axis))); };
    const bench::Images images{given.samples, size("rows"), size("cols"), size("c")};
    const bool pooled = given.network == "pooled";
    return given.single ? bench::fused_relu_cnn<float>(x, images, given.fused, pooled)
                        : bench::fused_relu_cnn<double>(x, images, given.fused, pooled);
}

void run(const Case& given) {
    const Ready ready = prepare(given);
    execute::Options options;
    options.threads = given.threads;
    options.single = given.single;
    Time best;
    Time fused;
    double sum = 0; // of the tangent kernel, pairs (i, j >= i)
    double fused_sum = 0;
    for (int k = 0; k < given.runs; ++k) {
        execute::Outcome outcome;
        best.least([&] {
            outcome = execute::evaluate(ready.plan, ready.data, nullptr, options);
            if (outcome.error)
                throw std::runtime_error(outcome.error->text);
        });
        if (given.fused == 0)
            continue;
        sum = 0;
        for (std::size_t i = 0; i < given.samples; ++i)
            for (std::size_t j = i; j < given.samples; ++j)
                sum += outcome.outputs.front().ntk[i * given.samples + j];
        fused.least([&] { fused_sum = by_hand(given, ready.data); });
    }
    const double pairs = static_cast<double>(given.samples) * static_cast<double>(given.samples + 1) / 2;
    const double taken = given.threads == 1 ? best.processor : best.clock;
    std::string text = fmt::format(
        R"({{"file": "{}", "samples": {}, "threads": {}, "precision": "{}", "instructions": "{}", "seconds": {:.6g}, "clock_seconds": {:.6g}, "ns_per_pair": {:.6g})",
        given.file, given.samples, given.threads, given.single ? "f32" : "f64", rows::instruction_set(), taken, best.clock,
        taken / pairs * 1e9);
    if (given.fused > 0)
        text += fmt::format(R"(, "fused_seconds": {:.6g}, "ratio_to_fused": {:.4g}, "apart": {:.2g})", fused.processor,
                            taken / fused.processor, std::abs(sum / fused_sum - 1));
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
    app.add_option("--network", given.network)->check(CLI::IsMember({"mlp", "cnn", "pooled"}));
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
