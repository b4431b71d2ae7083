#include "runtime/execute/refine.hpp"

#include "runtime/execute/extrapolation.hpp"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace tpc::execute {
namespace {

// The kernels that are asked for, of a few samples with a few others.
std::vector<Kernel> kernels_of(const Refined& block, const SampleSet& lefts, const SampleSet& rights, bool nngp) {
    Options options = block.options;
    options.nngp = nngp && options.nngp;
    options.ledger = nullptr;
    options.meter = nullptr;
    options.memory = std::numeric_limits<std::size_t>::max();
    Joints joints(block.plan, lefts.samples, rights.samples);
    Blocks<double> blocks(block.plan, lefts, &rights, options, joints, block.duals, &block.laws);
    return blocks({0, lefts.samples}, {0, rights.samples});
}

// Puts `value(output, a, b, entry)` into a kernel where left sample i and right sample j of the sets meet, for all members
// a, b.
template <class Value> void put(const Refined& block, Entries Kernel::*which, const SamplePair& pair, const Value& value) {
    const std::size_t i = pair.first - block.rows.first, j = pair.second - block.columns.first;
    for (std::size_t o = 0; o < block.kernels.size(); ++o) {
        const auto lefts = static_cast<std::size_t>(block.plan.left_outputs[o].count());
        const auto rights = static_cast<std::size_t>(block.plan.right_outputs[o].count());
        Entries& kernel = block.kernels[o].*which;
        for (std::size_t a = 0; a < lefts && !kernel.empty(); ++a)
            for (std::size_t b = 0; b < rights; ++b) {
                const std::size_t at = ((i * lefts + a) * block.columns.count + j) * rights + b;
                const double entry = value(o, a, b, kernel[at]);
                kernel.set(at, entry);
                if (block.symmetric())
                    kernel.set(((j * lefts + b) * block.columns.count + i) * rights + a, entry);
            }
    }
}

// --- once more

SampleSet chosen(const SampleSet& set, const std::vector<std::size_t>& samples) {
    SampleSet result;
    result.samples = samples.size();
    for (std::size_t k = 0; k < set.inputs.size(); ++k) {
        std::vector<double>& values = result.inputs.emplace_back().values;
        for (const std::size_t s : samples) {
            const auto [data, size] = vector_of(set, k, s);
            values.insert(values.end(), data, data + size);
        }
    }
    return result;
}

// The sides of some pairs, in order.
std::vector<std::size_t> samples_of(const std::vector<SamplePair>& pairs, bool right) {
    std::vector<std::size_t> result;
    for (const auto& [i, j] : pairs)
        result.push_back(right ? j : i);
    std::ranges::sort(result);
    const auto rest = std::ranges::unique(result);
    result.erase(rest.begin(), rest.end());
    return result;
}

// Visits the near pairs of a block, chunk by chunk, in parallel.
constexpr std::size_t chunk = 32;
template <class Visit> void over_chunks(const Refined& block, const NearSamples& near, const Visit& visit) {
    const auto part = [](const Span& whole, std::size_t k) {
        const std::size_t first = whole.first + k * chunk;
        return Span{first, std::min(chunk, whole.end() - first)};
    };
    const std::size_t down = (block.rows.count + chunk - 1) / chunk, across = (block.columns.count + chunk - 1) / chunk;
    oneapi::tbb::parallel_for(std::size_t{0}, down * across, [&](std::size_t task) {
        const auto pairs = near(part(block.rows, task / across), part(block.columns, task % across), block.symmetric());
        if (!pairs.empty())
            visit(pairs);
    });
}

// --- along lines

void refine_along_line(const Refined& block, const SamplePair& pair) {
    // Of one set always from the earlier sample: an entry has the same bits in every block.
    const bool turned = block.right == nullptr && pair.first > pair.second;
    const auto [from, to] = turned ? SamplePair{pair.second, pair.first} : pair;
    const Line line = line_through(block.left, from, block.right != nullptr ? *block.right : block.left, to);
    const SampleSet x = chosen(block.left, {from});
    std::vector<std::vector<Extrapolation>> entries(block.kernels.size()); // by output and members
    bool done = false;
    for (const double far : {1e-2, 1e-3, 1e-4}) {
        if (std::exchange(done, true))
            break;
        const Fit fit(far, line.distance);
        const std::vector<Kernel> found = kernels_of(block, x, points_on(line, fit.distances), false);
        std::vector<double> largest; // by output
        for (std::size_t o = 0; o < found.size(); ++o) {
            const auto [least, most] = std::ranges::minmax(std::vector<double>(found[o].ntk));
            largest.push_back(std::max(most, -least));
            entries[o].resize(found[o].ntk.size() / Fit::nodes);
        }
        put(block, &Kernel::ntk, pair, [&](std::size_t o, std::size_t a, std::size_t b, double before) {
            const Entries& ntk = found[o].ntk;
            const auto rights = static_cast<std::size_t>(block.plan.right_outputs[o].count());
            std::array<double, Fit::nodes> values{};
            for (std::size_t k = 0; k < Fit::nodes; ++k)
                values[k] = turned ? ntk[(b * Fit::nodes + k) * rights + a] : ntk[(a * Fit::nodes + k) * rights + b];
            Extrapolation& entry = entries[o][a * rights + b];
            if (!entry.value)
                entry.add(fit(values), line.distance, before, largest[o]);
            done = done && entry.value;
            return entry.value.value_or(before);
        });
    }
}

} // namespace

void refine_in_double(const Refined& block, const NearSamples& near) {
    over_chunks(block, near, [&](const std::vector<SamplePair>& pairs) {
        const std::vector<std::size_t> lefts = samples_of(pairs, false), rights = samples_of(pairs, true);
        const std::vector<Kernel> found = kernels_of(
            block, chosen(block.left, lefts), chosen(block.right != nullptr ? *block.right : block.left, rights), true);
        const auto place = [](const std::vector<std::size_t>& samples, std::size_t sample) {
            return static_cast<std::size_t>(std::ranges::lower_bound(samples, sample) - samples.begin());
        };
        for (const SamplePair& pair : pairs)
            for (const auto which : {&Kernel::nngp, &Kernel::ntk})
                put(block, which, pair, [&](std::size_t o, std::size_t a, std::size_t b, double) {
                    const auto left_count = static_cast<std::size_t>(block.plan.left_outputs[o].count());
                    const auto right_count = static_cast<std::size_t>(block.plan.right_outputs[o].count());
                    const std::size_t row = place(lefts, pair.first) * left_count + a;
                    return (found[o].*which)[(row * rights.size() + place(rights, pair.second)) * right_count + b];
                });
    });
}

void refine_along_lines(const Refined& block, const NearSamples& near) {
    over_chunks(block, near, [&](const std::vector<SamplePair>& pairs) {
        for (const SamplePair& pair : pairs) {
            try {
                refine_along_line(block, pair);
            } catch (const MethodError&) { // of samples that nobody asked for
            } catch (const std::domain_error&) {
            }
        }
    });
}

} // namespace tpc::execute
