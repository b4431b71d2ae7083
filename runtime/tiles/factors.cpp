#include "runtime/tiles/factors.hpp"

#include "compiler/plan/linear.hpp"
#include "compiler/rewrite/fissile.hpp"
#include "runtime/tiles/absorb.hpp"
#include "runtime/tiles/arrays.hpp"

#include <algorithm>

namespace tpc::execute {
namespace {

using limit::PairTerm;

bool is_one(const plan::Factor& factor) {
    return !factor.array && factor.constant.fixed && factor.constant.value == 1;
}
plan::Factor one() {
    plan::Factor factor;
    factor.constant.value = 1;
    return factor;
}

bool equal(const plan::Factor& a, const plan::Factor& b) {
    return a.array == b.array &&
           std::equal(a.point.begin(), a.point.end(), b.point.begin(), b.point.end(),
                      [](const plan::Linear& x, const plan::Linear& y) { return plan::constant_difference(x, y) == 0; });
}

// The factor is the same for all that the term sums.
bool outside(const plan::Factor& factor, const plan::TermOp& term) {
    return std::none_of(factor.point.begin(), factor.point.end(), [&](const plan::Linear& index) {
        return std::any_of(term.sums.begin(), term.sums.end(),
                           [&](const plan::LoopRange& sum) { return plan::coefficient(index, sum.slot) != 0; });
    });
}

// A sum that nothing but its C and T is wanted of, or whose gaps come from its C.
bool adds_values(const plan::PairOp& op, bool value) {
    return op.rule == limit::Rule::linear && !op.output && !op.accumulates && (!op.gap_linear || value);
}

// The coefficient array that all terms have on one side is taken out of them.
std::optional<plan::Factor> common(plan::PairOp& op, plan::Factor plan::TermOp::*side) {
    if (op.terms.empty() || !(op.terms[0].*side).array)
        return std::nullopt;
    const plan::Factor first = op.terms[0].*side;
    const auto shared = [&](const plan::TermOp& term) { return equal(term.*side, first) && outside(first, term); };
    if (!std::all_of(op.terms.begin(), op.terms.end(), shared))
        return std::nullopt;
    for (plan::TermOp& term : op.terms)
        term.*side = one();
    return first;
}

// The sum that an operation is a multiple of, where nothing else reads it.
std::optional<std::uint32_t> multiplied(const plan::Part& part, std::uint32_t index) {
    const plan::PairOp& multiple = part.ops[index];
    if (multiple.rule != limit::Rule::linear || multiple.output || multiple.accumulates || multiple.terms.size() != 1)
        return std::nullopt;
    const plan::TermOp& term = multiple.terms[0];
    const auto array_or_one = [](const plan::Factor& factor) { return factor.array || is_one(factor); };
    if (term.kind != PairTerm::Kind::read || !term.sums.empty() || !term.guards.empty() || !term.chosen.empty() ||
        term.entry.array == plan::no_array || !term.scale.fixed || term.scale.value != 1 ||
        !array_or_one(term.left_factor) || !array_or_one(term.right_factor))
        return std::nullopt;
    const auto sum = sole_writer(part, term.entry.array, index);
    if (!sum || !adds_values(part.ops[*sum], false) || part.ops[*sum].terms.empty() ||
        part.ops[*sum].tangent != multiple.tangent)
        return std::nullopt;
    return sum;
}

} // namespace

FactoredPart factor_out(const plan::Part& given) {
    FactoredPart result{given, std::vector<SumFactors>(given.ops.size())};
    plan::Part& part = result.part;
    bool changed = false;
    for (std::uint32_t k = 0; k < part.ops.size(); ++k)
        if (const auto sum = multiplied(part, k)) {
            const plan::TermOp term = part.ops[k].terms[0];
            auto terms = absorb(part, k, term.entry, *sum);
            if (!terms)
                continue;
            part.ops[k].terms = *std::move(terms);
            part.ops[k].gap_linear = false;
            if (term.left_factor.array)
                result.factors[k].left = term.left_factor;
            if (term.right_factor.array)
                result.factors[k].right = term.right_factor;
            changed = true;
        }
    if (changed)
        plan::mark_fissile(part);
    const std::vector<bool> values = only_values(part);
    for (std::uint32_t k = 0; k < part.ops.size(); ++k) {
        plan::PairOp& op = part.ops[k];
        if (!adds_values(op, values[op.array]))
            continue;
        if (!result.factors[k].left)
            result.factors[k].left = common(op, &plan::TermOp::left_factor);
        if (!result.factors[k].right)
            result.factors[k].right = common(op, &plan::TermOp::right_factor);
    }
    return result;
}

} // namespace tpc::execute
