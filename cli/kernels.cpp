#include "cli/kernels.hpp"

#include "cli/pipeline.hpp"
#include "cli/progress.hpp"
#include "cli/sides.hpp"
#include "runtime/io/array.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tpc::cli {
Failure failure(const execute::Error& error) {
    return {error.no_limit ? refused : out_of_reach, error.text};
}

namespace {

// Rounding through some layers leaves about as much.
void require_in_reach(const Common& options) {
    const bool single = options.dtype == "f32";
    const double least = single ? 1e-6 : 1e-12;
    if (options.tolerance && *options.tolerance < least)
        throw Failure{out_of_reach, fmt::format("the tolerance {:.1e} cannot be met in {} precision; --tol {:.0e} can be{}",
                                                *options.tolerance, single ? "single" : "double", least,
                                                single ? ", and less with --dtype f64" : "")};
}

} // namespace

execute::Options execute_options(const Session& session, const Request& request) {
    require_in_reach(session.options);
    execute::Options options;
    options.nngp = request.nngp;
    options.ntk = request.ntk;
    options.single = session.options.dtype == "f32";
    options.via = request.via;
    options.tolerance = session.options.tolerance;
    options.seed = static_cast<std::uint32_t>(session.options.seed);
    options.threads = session.options.threads;
    return options;
}

namespace {

double largest_of(const execute::Entries& values) {
    double largest = 0;
    for (std::size_t k = 0; k < values.size(); ++k)
        largest = std::max(largest, std::abs(values[k]));
    return largest;
}

execute::Span all(const Dataset& data) {
    return {0, data.samples};
}

// Whole kernels; what no block fills stays NaN.
struct Whole {
    std::vector<Side> left, right; // by output
    std::vector<execute::Kernel> outputs;
    bool symmetric;

    void put(Block block) {
        for (std::size_t o = 0; o < outputs.size(); ++o) {
            // Errors are relative to the largest entry so far: those of all blocks are at most as large.
            outputs[o].nngp_error = std::max(outputs[o].nngp_error, block.outputs[o].nngp_error);
            outputs[o].ntk_error = std::max(outputs[o].ntk_error, block.outputs[o].ntk_error);
            put(block.cell, o, block.outputs[o].nngp, outputs[o].nngp);
            put(block.cell, o, block.outputs[o].ntk, outputs[o].ntk);
        }
    }

  private:
    void put(const Cell& cell, std::size_t o, execute::Entries& from, execute::Entries& to) const {
        const Side::Places rows = left[o].places(cell.left_group, cell.left, cell.left);
        const Side::Places columns = right[o].places(cell.right_group, cell.right, cell.right);
        if (rows.here.size() * columns.here.size() == left[o].count() * right[o].count()) { // the only block
            to = std::move(from);
            return;
        }
        if (from.empty())
            return;
        if (to.empty()) {
            to = execute::Entries(left[o].count() * right[o].count(), from.single());
            for (std::size_t k = 0; k < to.size(); ++k)
                to.set(k, std::numeric_limits<double>::quiet_NaN());
        }
        for (std::size_t i = 0; i < rows.here.size(); ++i)
            for (std::size_t j = 0; j < columns.here.size(); ++j) {
                const double value = from[rows.block[i] * columns.width + columns.block[j]];
                to.set(rows.here[i] * right[o].count() + columns.here[j], value);
                if (symmetric && !cell.same())
                    to.set(columns.here[j] * right[o].count() + rows.here[i], value);
            }
    }
};

} // namespace

std::vector<const Samples*> groups_of(const Dataset& left, const Dataset* right) {
    std::vector<const Samples*> groups;
    for (const Samples& group : left.groups)
        groups.push_back(&group);
    if (right != nullptr)
        for (const Samples& group : right->groups)
            groups.push_back(&group);
    return groups;
}

Kernels::Kernels(Session& session, const network::Network& network, const Dataset& left, const Dataset* right,
                 const Request& request, const Limits& limits)
    : largest(network.outputs.size()), session_(session), network_(network), left_(left), right_(right), request_(request),
      limits_(limits) {}

execute::Evaluation& Kernels::prepare(std::size_t left_group, std::size_t right_group) {
    const std::pair wanted(left_group, right_group);
    if (evaluation_ && groups_ == wanted)
        return *evaluation_;
    evaluation_.reset();
    const Samples& a = left_.groups[left_group];
    const Samples& b = (right_ != nullptr ? *right_ : left_).groups[right_group];
    plan_ = build_plan(session_, network_, a.sizes, b.sizes, request_.ntk);
    session_.show_diagnostics();
    execute::Options options = execute_options(session_, request_);
    options.elsewhere = largest;
    options.meter = &meter;
    options.memory = limits_.memory;
    options.least_panel = limits_.least_panel;
    const bool same = right_ == nullptr && left_group == right_group;
    evaluation_.emplace(*plan_, a.set, same ? nullptr : &b.set, options);
    groups_ = wanted;
    if (limits_.require)
        limits_.require(evaluation_->least_memory());
    if (const auto error = evaluation_->prepare())
        throw failure(*error);
    return *evaluation_;
}

Block Kernels::compute(const Cell& cell) {
    execute::Outcome outcome = prepare(cell.left_group, cell.right_group).block(cell.left, cell.right);
    if (outcome.error)
        throw failure(*outcome.error);
    for (std::size_t o = 0; o < outcome.outputs.size(); ++o) {
        require_finite(cell, o, outcome.outputs[o].nngp, "nngp");
        require_finite(cell, o, outcome.outputs[o].ntk, "ntk");
        largest[o].nngp = std::max(largest[o].nngp, largest_of(outcome.outputs[o].nngp));
        largest[o].ntk = std::max(largest[o].ntk, largest_of(outcome.outputs[o].ntk));
    }
    return {cell, std::move(outcome.outputs)};
}

// The entry is named by its place in the whole kernel.
void Kernels::require_finite(const Cell& cell, std::size_t o, const execute::Entries& values, const char* kernel) const {
    std::size_t flat = 0;
    while (flat < values.size() && std::isfinite(values[flat]))
        ++flat;
    if (flat == values.size())
        return;
    const Dataset& other = right_ != nullptr ? *right_ : left_;
    const Side rows = sides_of(network_, left_, all(left_))[o], columns = sides_of(network_, other, all(other))[o];
    const Side::Places down = rows.places(cell.left_group, cell.left, cell.left);
    const Side::Places across = columns.places(cell.right_group, cell.right, cell.right);
    const auto here = [](const Side::Places& places, std::size_t in_block) {
        return places.here[static_cast<std::size_t>(std::ranges::find(places.block, in_block) - places.block.begin())];
    };
    const std::size_t place = here(down, flat / across.width) * columns.count() + here(across, flat % across.width);
    const std::string& name = network_.outputs[o].name;
    throw Failure{refused, fmt::format("the {}{} does not exist, or is beyond what numbers hold: its entry {} is {}", kernel,
                                       name.empty() ? "" : " of " + name, io::show_index(shape_of(rows, columns), place),
                                       std::isnan(values[flat]) ? "not a number" : "infinite")};
}

std::string show_work(const execute::Meter& meter, const Work& work, std::size_t samples, double seconds) {
    const auto number = [](std::size_t count) { return static_cast<double>(count); };
    const double now = number(meter.pairs);
    if (meter.points > 0)
        return fmt::format("run {} with {} points: {}", meter.runs.load(), meter.points.load(),
                           show_rate("pairs", now, 0, number(work.cell), 0));
    if (now == 0)
        return "samples: " + show_rate("samples", number(meter.samples), 0, number(samples), seconds);
    return show_rate("pairs", number(work.before) + now, number(work.before), number(work.pairs), seconds);
}

void for_each_block(Session& session, const network::Network& network, const Dataset& left, const Dataset* right,
                    const Request& request, const std::function<void(Block)>& visit) {
    Kernels kernels(session, network, left, right, request, {});
    const Dataset& other = right != nullptr ? *right : left;
    const Wanted wanted = wanted_of(left, right, all(left), all(other));
    const std::vector<Cell> cells = cells_of(wanted, whole_groups());
    Work work;
    for (const Cell& cell : cells)
        work.pairs += pairs_of(wanted, cell);
    const Progress progress(session, [&](double seconds) {
        return show_work(kernels.meter, work, left.samples + (right != nullptr ? right->samples : 0), seconds);
    });
    for (const Cell& cell : cells) {
        work.cell = pairs_of(wanted, cell);
        visit(kernels.compute(cell));
    }
}

std::vector<execute::Kernel> kernels(Session& session, const network::Network& network, const Dataset& left,
                                     const Dataset* right, const Request& request) {
    Whole whole{sides_of(network, left, all(left)), {}, {}, right == nullptr};
    whole.right = right != nullptr ? sides_of(network, *right, all(*right)) : whole.left;
    for (std::size_t o = 0; o < network.outputs.size(); ++o) {
        execute::Kernel kernel;
        kernel.shape = shape_of(whole.left[o], whole.right[o]);
        whole.outputs.push_back(std::move(kernel));
    }
    for_each_block(session, network, left, right, request, [&](Block block) { whole.put(std::move(block)); });
    return std::move(whole.outputs);
}

} // namespace tpc::cli
