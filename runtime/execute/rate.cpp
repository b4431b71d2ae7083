#include "runtime/execute/rate.hpp"

#include "compiler/plan/count.hpp"
#include "runtime/execute/replicates.hpp"
#include "runtime/rows/cost.hpp"
#include "runtime/rows/rows.hpp"
#include "runtime/samples/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace tpc::execute {
namespace {

constexpr std::size_t most_samples = 64; // of each side that are timed

// Rows before columns where the set suffices: no half of a square is left out.
void measure(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, Options options, Rate& rate) {
    options.threads = 1;
    options.ledger = nullptr;
    options.meter = nullptr;
    Evaluation evaluation(plan, left, right, options);
    if (evaluation.prepare())
        return;
    const std::size_t columns = right != nullptr ? right->samples : left.samples;
    const bool apart = right != nullptr || left.samples >= 2;
    const std::size_t half = right != nullptr ? left.samples : std::max<std::size_t>(1, left.samples / 2);
    // More and more of them, until the clock says something.
    for (std::size_t side = 1; side <= most_samples; side *= 2) {
        const Span rows{0, std::min(side, half)};
        const std::size_t width = std::min(most_samples, right != nullptr ? columns : columns - half);
        const Span right_span{right != nullptr ? 0 : columns - std::max<std::size_t>(width, 1),
                              std::max<std::size_t>(width, 1)};
        const auto start = std::chrono::steady_clock::now();
        const Outcome outcome = apart ? evaluation.block(rows, right_span) : evaluation.block({0, 1}, {0, 1});
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        if (outcome.error)
            return;
        rate.pairs = apart ? rows.count * right_span.count : 1;
        rate.measured = elapsed.count() / static_cast<double>(rate.pairs);
        if (elapsed.count() > 0.05 || side >= half)
            return;
    }
}

template <class Real> void estimate(const plan::Plan& plan, bool tangent, const Ledger& ledger, Rate& rate) {
    const plan::Part& part = plan.whole();
    const plan::Counts counts = plan::count_runs(part, plan.recursions.network.program.symbols.size());
    for (std::size_t k = 0; k < part.ops.size(); ++k) {
        rate.operations += counts.runs[k];
        rate.products += counts.products[k];
        const plan::PairOp& op = part.ops[k];
        const bool gaps = !op.output && !part.arrays[op.array].value;
        rate.arithmetic += static_cast<double>(counts.products[k]) * rows::arithmetic_of_product(gaps);
        // as squares of differences and of sums
        const auto input = std::ranges::find(op.terms, limit::PairTerm::Kind::input, &plan::TermOp::kind);
        if (input != op.terms.end())
            rate.arithmetic += 4.0 * static_cast<double>(counts.inputs[k]) *
                               static_cast<double>(plan.left.finite[input->left_finite].length);
    }
    if (plan.factored)
        rate.nested = plan::total_products(plan::count_runs(plan.cross, plan.recursions.network.program.symbols.size()));
    double elsewhere = 0;
    for (const auto& [key, entry] : ledger.entries) {
        if (!std::get<0>(key))
            continue;
        rate.arithmetic += static_cast<double>(entry.evaluations) * entry.arithmetic;
        if (entry.arithmetic == 0)
            elsewhere += entry.seconds / static_cast<double>(std::max<std::size_t>(ledger.pairs, 1));
    }
    rate.bytes = plan.forward().entries * (tangent ? 3 : 2) * sizeof(Real);
    rate.peak = rows::peak_rate<Real>();
    rate.estimated = rate.arithmetic / rate.peak + elsewhere;
}

} // namespace

Rate rate(const plan::Plan& plan, const SampleSet& left, const SampleSet* right, const Options& options,
          const Ledger& ledger) {
    Rate result;
    if (needs_sampling(plan) || left.samples == 0 || (right != nullptr && right->samples == 0))
        return result;
    if (options.single)
        estimate<float>(plan, options.ntk, ledger, result);
    else
        estimate<double>(plan, options.ntk, ledger, result);
    measure(plan, left, right, options, result);
    return result;
}

std::string print(const Rate& rate) {
    if (rate.pairs == 0)
        return {};
    const std::string before =
        rate.nested > 0 ? fmt::format(" ({} before sums over pairs were factored)", rate.nested) : std::string();
    return fmt::format(
        "a pair of samples: {} operations that add {} products{}, {} bytes of entries, about {:.3g} floating-point "
        "operations\n"
        "    {} at the {:.3g} Gflop/s of one core ({}), {} measured over {} pairs\n",
        rate.operations, rate.products, before, rate.bytes, rate.arithmetic, duration(rate.estimated), rate.peak / 1e9,
        rows::instruction_set(), duration(rate.measured), rate.pairs);
}

} // namespace tpc::execute
