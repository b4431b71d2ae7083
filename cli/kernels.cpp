#include "cli/kernels.hpp"

#include "cli/pipeline.hpp"
#include "runtime/io/array.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tpc::cli {
execute::Options execute_options(const Session& session, const Request& request) {
    execute::Options options;
    options.nngp = request.nngp;
    options.ntk = request.ntk;
    options.single = session.options.dtype == "f32";
    options.via = request.via;
    options.tolerance = session.options.tolerance;
    options.threads = session.options.threads;
    return options;
}

namespace {

double largest_of(const std::vector<double>& values) {
    double largest = 0;
    for (const double value : values)
        largest = std::max(largest, std::abs(value));
    return largest;
}

// Groups with themselves first, those of the largest sizes before the others: they hold the largest entries, to which
// errors are relative.
std::vector<std::pair<std::size_t, std::size_t>> block_order(std::size_t left, std::size_t right, bool symmetric) {
    std::vector<std::pair<std::size_t, std::size_t>> order;
    for (std::size_t i = left; i-- > 0;)
        for (std::size_t j = right; j-- > (symmetric ? i : 0);)
            order.emplace_back(i, j);
    if (symmetric)
        std::ranges::stable_partition(order, [](const auto& pair) { return pair.first == pair.second; });
    return order;
}

// Rows or columns of the whole kernel: (sample, index of the output's family).
struct Side {
    std::size_t samples = 0;
    plan::Box box;                                // of the indices of all groups
    std::vector<std::vector<std::size_t>> places; // by group: where the (sample, index) of its own box are
    std::vector<std::vector<std::size_t>> exist;  // by group: which of these there are

    [[nodiscard]] std::size_t count() const { return samples * static_cast<std::size_t>(box.count()); }
};

plan::Box hull(const std::vector<plan::OutputIndices>& groups) {
    plan::Box hull;
    for (std::size_t d = 0; d < groups.front().box.lower.size(); ++d) {
        std::int64_t lower = std::numeric_limits<std::int64_t>::max(), end = std::numeric_limits<std::int64_t>::min();
        for (const auto& [box, places] : groups)
            if (box.size[d] > 0) {
                lower = std::min(lower, box.lower[d]);
                end = std::max(end, box.lower[d] + box.size[d]);
            }
        hull.lower.push_back(lower);
        hull.size.push_back(std::max<std::int64_t>(0, lower < end ? end - lower : 0));
    }
    return hull;
}

// Flat places in `hull` of the elements of `box`, in their order.
std::vector<std::size_t> places_in(const plan::Box& hull, const plan::Box& box) {
    std::vector<std::size_t> places{0};
    for (std::size_t d = 0; d < box.size.size(); ++d) {
        std::vector<std::size_t> next;
        for (const std::size_t place : places)
            for (std::int64_t k = 0; k < box.size[d]; ++k)
                next.push_back(place * static_cast<std::size_t>(hull.size[d]) +
                               static_cast<std::size_t>(box.lower[d] + k - hull.lower[d]));
        places = std::move(next);
    }
    return places;
}

std::vector<Side> sides_of(const limit::Network& network, const Dataset& data) {
    std::vector<std::vector<plan::OutputIndices>> indices(network.outputs.size()); // by output and group
    for (const Samples& group : data.groups) {
        auto of_group = plan::output_indices(network, group.sizes);
        for (std::size_t o = 0; o < indices.size(); ++o)
            indices[o].push_back(std::move(of_group[o]));
    }
    std::vector<Side> sides;
    for (const auto& of_output : indices) {
        Side side{data.samples, hull(of_output), {}, {}};
        for (std::size_t g = 0; g < data.groups.size(); ++g) {
            const std::vector<std::size_t> elements = places_in(side.box, of_output[g].box);
            auto& places = side.places.emplace_back();
            auto& exist = side.exist.emplace_back();
            for (const std::size_t sample : data.groups[g].positions) {
                for (const std::size_t member : of_output[g].places)
                    exist.push_back(places.size() + member);
                for (const std::size_t element : elements)
                    places.push_back(sample * static_cast<std::size_t>(side.box.count()) + element);
            }
        }
        sides.push_back(std::move(side));
    }
    return sides;
}

std::vector<std::size_t> shape_of(const Side& left, const Side& right) {
    std::vector<std::size_t> shape;
    for (const Side* side : {&left, &right}) {
        shape.push_back(side->samples);
        shape.insert(shape.end(), side->box.size.begin(), side->box.size.end());
    }
    return shape;
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
            put(block, o, block.outputs[o].nngp, outputs[o].nngp);
            put(block, o, block.outputs[o].ntk, outputs[o].ntk);
        }
    }

  private:
    void put(const Block& block, std::size_t o, std::vector<double>& from, std::vector<double>& to) const {
        const Side &rows = left[o], &columns = right[o];
        const auto& existing_rows = rows.exist[block.left];
        const auto& existing_columns = columns.exist[block.right];
        if (existing_rows.size() * existing_columns.size() == rows.count() * columns.count()) { // the only block
            to = std::move(from);
            return;
        }
        if (from.empty())
            return;
        if (to.empty())
            to.assign(rows.count() * columns.count(), std::numeric_limits<double>::quiet_NaN());
        for (const std::size_t i : existing_rows)
            for (const std::size_t j : existing_columns) {
                const std::size_t row = rows.places[block.left][i], column = columns.places[block.right][j];
                const double value = from[i * columns.places[block.right].size() + j];
                to[row * columns.count() + column] = value;
                if (symmetric && block.left != block.right)
                    to[column * columns.count() + row] = value;
            }
    }
};

struct Checked {
    const limit::Network& network;
    const Dataset &left, &right;

    // The entry is named by its place in the whole kernel.
    void require_finite(const Block& block, std::size_t o, const std::vector<double>& values, const char* kernel) const {
        const auto bad = std::ranges::find_if_not(values, [](double value) { return std::isfinite(value); });
        if (bad == values.end())
            return;
        const Side rows = sides_of(network, left)[o], columns = sides_of(network, right)[o];
        const auto flat = static_cast<std::size_t>(bad - values.begin());
        const auto& of_columns = columns.places[block.right];
        const std::size_t place =
            rows.places[block.left][flat / of_columns.size()] * columns.count() + of_columns[flat % of_columns.size()];
        const std::string& name = network.outputs[o].name;
        throw Failure{refused, fmt::format("the {}{} does not exist: its entry {} is {}", kernel,
                                           name.empty() ? "" : " of " + name, io::show_index(shape_of(rows, columns), place),
                                           std::isnan(*bad) ? "not a number" : "infinite")};
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

void for_each_block(Session& session, const limit::Network& network, const Dataset& left, const Dataset* right,
                    const Request& request, const std::function<void(Block)>& visit) {
    const Dataset& other = right != nullptr ? *right : left;
    const Checked checked{network, left, other};
    execute::Options options = execute_options(session, request);
    options.elsewhere.resize(network.outputs.size());
    const auto order = block_order(left.groups.size(), other.groups.size(), right == nullptr);
    const bool progress = session.shows_progress() && order.size() > 1;
    std::size_t done = 0;
    for (const auto& [i, j] : order) {
        const Samples& a = left.groups[i];
        const Samples& b = other.groups[j];
        const plan::Plan plan = build_plan(session, network, a.sizes, b.sizes, request.ntk);
        session.show_diagnostics();
        const bool same = right == nullptr && i == j;
        execute::Outcome outcome = execute::evaluate(plan, a.set, same ? nullptr : &b.set, options);
        if (outcome.error)
            throw Failure{out_of_reach, *outcome.error};
        Block block{i, j, std::move(outcome.outputs)};
        for (std::size_t o = 0; o < block.outputs.size(); ++o) {
            checked.require_finite(block, o, block.outputs[o].nngp, "nngp");
            checked.require_finite(block, o, block.outputs[o].ntk, "ntk");
            options.elsewhere[o].nngp = std::max(options.elsewhere[o].nngp, largest_of(block.outputs[o].nngp));
            options.elsewhere[o].ntk = std::max(options.elsewhere[o].ntk, largest_of(block.outputs[o].ntk));
        }
        visit(std::move(block));
        if (progress)
            fmt::print(stderr, "\r{} of {} pairs of groups{}", done + 1, order.size(),
                       done + 1 == order.size() ? "\r\x1b[K" : "");
        ++done;
    }
}

std::vector<execute::Kernel> kernels(Session& session, const limit::Network& network, const Dataset& left,
                                     const Dataset* right, const Request& request) {
    Whole whole{sides_of(network, left), {}, {}, right == nullptr};
    whole.right = right != nullptr ? sides_of(network, *right) : whole.left;
    for (std::size_t o = 0; o < network.outputs.size(); ++o) {
        execute::Kernel kernel;
        kernel.shape = shape_of(whole.left[o], whole.right[o]);
        whole.outputs.push_back(std::move(kernel));
    }
    for_each_block(session, network, left, right, request, [&](Block block) { whole.put(std::move(block)); });
    return std::move(whole.outputs);
}

} // namespace tpc::cli
