#include "runtime/execute/explain.hpp"

#include "compiler/network/given_names.hpp"
#include "runtime/samples/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tpc::execute {
namespace {

constexpr std::size_t few = 3; // samples that are evaluated

// The first sample, and those of the least and the greatest norm: methods change with variances.
SampleSet few_of(const SampleSet& set) {
    std::vector<double> norms(set.samples, 0);
    for (const Input& input : set.inputs) {
        const std::size_t size = set.samples == 0 ? 0 : input.values.size() / set.samples;
        for (std::size_t k = 0; k < input.values.size(); ++k)
            norms[k / size] += input.values[k] * input.values[k];
    }
    std::vector<std::size_t> chosen;
    const auto choose = [&](std::size_t k) {
        if (chosen.size() < few && std::ranges::find(chosen, k) == chosen.end())
            chosen.push_back(k);
    };
    if (set.samples > 0)
        for (const std::size_t k :
             {std::size_t{0}, static_cast<std::size_t>(std::ranges::min_element(norms) - norms.begin()),
              static_cast<std::size_t>(std::ranges::max_element(norms) - norms.begin())})
            choose(k);
    for (std::size_t k = 0; k < set.samples; ++k)
        choose(k);
    SampleSet result;
    result.samples = chosen.size();
    for (const Input& input : set.inputs) {
        const std::size_t size = set.samples == 0 ? 0 : input.values.size() / set.samples;
        Input some;
        for (const std::size_t k : chosen)
            some.values.insert(some.values.end(), input.values.begin() + static_cast<std::ptrdiff_t>(k * size),
                               input.values.begin() + static_cast<std::ptrdiff_t>((k + 1) * size));
        result.inputs.push_back(std::move(some));
    }
    return result;
}

struct Row {
    std::string what, of, method;
    LedgerEntry entry;
    double each = 0; // seconds for one sample or pair
};

std::vector<Row> rows_of(const Ledger& ledger, bool pair) {
    std::vector<Row> rows;
    const std::size_t units = pair ? ledger.pairs : ledger.samples;
    for (const auto& [key, entry] : ledger.entries) {
        const auto& [is_pair, what, of, method] = key;
        if (is_pair == pair)
            rows.push_back({what, of, method, entry, units > 0 ? entry.seconds / static_cast<double>(units) : 0});
    }
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.each > b.each; });
    return rows;
}

double total(const std::vector<Row>& rows) {
    double sum = 0;
    for (const Row& row : rows)
        sum += row.each;
    return sum;
}

std::string text_of(const std::vector<Row>& rows) {
    std::string text;
    for (const Row& row : rows) {
        text += fmt::format("  {}\n", row.what);
        if (!row.of.empty())
            text += fmt::format("    part over {}\n", row.of);
        text += fmt::format("    {} Gaussian{}, {}", row.entry.dimension, row.entry.dimension == 1 ? "" : "s", row.method);
        if (row.entry.points > 0)
            text += fmt::format(", {} points", row.entry.points);
        text += fmt::format(", {} of computation", duration(row.each));
        text += row.entry.error > 0 ? fmt::format(", error {:.0e}\n", row.entry.error)
                                    : std::string(row.entry.note.empty() ? "\n" : ", " + row.entry.note + "\n");
    }
    return text;
}

std::string indented(const std::string& lines) {
    std::string text;
    for (std::size_t begin = 0; begin < lines.size();) {
        const std::size_t end = lines.find('\n', begin) + 1;
        text += "  " + lines.substr(begin, end - begin);
        begin = end;
    }
    return text;
}

} // namespace

Explanation explain(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options) {
    Explanation result;
    result.left_samples = left.samples;
    result.right_samples = right != nullptr ? right->samples : left.samples;
    result.symmetric = right == nullptr;
    result.tolerance = options.tolerance.value_or(1e-8);
    Options with = options;
    with.ledger = &result.ledger;
    const SampleSet few_left = few_of(left);
    const std::optional<SampleSet> few_right = right != nullptr ? std::optional(few_of(*right)) : std::nullopt;
    const Outcome outcome = evaluate(plan, few_left, few_right ? &*few_right : nullptr, with);
    result.error = outcome.error;
    for (const Kernel& kernel : outcome.outputs) {
        result.nngp_error = std::max(result.nngp_error, kernel.nngp_error);
        result.ntk_error = std::max(result.ntk_error, kernel.ntk_error);
    }
    result.ledger.samples = few_left.samples + (few_right ? few_right->samples : 0);
    result.ledger.pairs = few_right ? few_left.samples * few_right->samples : few_left.samples * (few_left.samples + 1) / 2;
    std::string mentioned;
    for (const auto& [key, entry] : result.ledger.entries)
        mentioned += std::get<1>(key) + " " + std::get<2>(key) + " ";
    result.names = network::given_names(plan.recursions.network, mentioned);
    if (!result.error)
        result.rate = rate(plan, left, right, options, result.ledger);
    return result;
}

std::string print(const Explanation& explanation) {
    const std::vector<Row> self = rows_of(explanation.ledger, false);
    const std::vector<Row> cross = rows_of(explanation.ledger, true);
    const auto n = static_cast<double>(explanation.left_samples);
    const auto m = static_cast<double>(explanation.right_samples);
    const double samples = explanation.symmetric ? n : n + m;
    const double pairs = explanation.symmetric ? n * (n + 1) / 2 : n * m;
    std::string text;
    if (static_cast<double>(explanation.ledger.samples) < samples)
        text = fmt::format(
            "of {} samples {} are evaluated, those of the least and the greatest norm among them; others may need more\n",
            samples, explanation.ledger.samples);
    text += fmt::format("expectations for each sample{}\n", self.empty() ? ": none" : ", the costly first");
    text += text_of(self);
    text += fmt::format("expectations for each pair of samples{}\n", cross.empty() ? ": none" : ", the costly first");
    text += text_of(cross);
    if (!explanation.names.empty())
        text += "where\n" + indented(explanation.names);
    text += print(explanation.rate);
    const double of_samples = total(self) * samples;
    const double of_pairs = total(cross) * pairs;
    text += fmt::format("expectations, one core: {} for {} samples, {} for {} pairs\n", duration(of_samples), samples,
                        duration(of_pairs), pairs);
    if (!cross.empty() || !self.empty()) {
        const bool pair = of_pairs >= of_samples && !cross.empty();
        const std::vector<Row>& rows = pair ? cross : self;
        text += fmt::format("{:.0f} % of that: {}, by {}\n",
                            100 * rows[0].each * (pair ? pairs : samples) / std::max(of_samples + of_pairs, 1e-300),
                            rows[0].what, rows[0].method);
    }
    if (explanation.rate.pairs > 0)
        text += fmt::format("all pairs at the measured rate, one core: {}\n", duration(explanation.rate.measured * pairs));
    if (explanation.error)
        text += explanation.error->text + "\n";
    else if (explanation.nngp_error > 0 || explanation.ntk_error > 0)
        text += fmt::format("estimated error of the kernels, relative to the largest entry: nngp {:.1e}, ntk {:.1e}\n",
                            explanation.nngp_error, explanation.ntk_error);
    else
        text += fmt::format("deterministic methods only, to {:.0e} of each expectation's norm\n", explanation.tolerance);
    return text;
}

} // namespace tpc::execute
