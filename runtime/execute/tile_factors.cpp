#include "runtime/execute/tile_factors.hpp"

#include "compiler/plan/fissile.hpp"
#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"
#include "runtime/execute/tile_arrays.hpp"
#include "runtime/execute/tile_names.hpp"

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
std::optional<std::uint32_t> multiplied(const plan::Part& part, const plan::PairOp& multiple) {
    if (multiple.rule != limit::Rule::linear || multiple.output || multiple.accumulates || multiple.terms.size() != 1)
        return std::nullopt;
    const plan::TermOp& term = multiple.terms[0];
    const auto array_or_one = [](const plan::Factor& factor) { return factor.array || is_one(factor); };
    if (term.kind != PairTerm::Kind::read || !term.sums.empty() || !term.guards.empty() || !term.chosen.empty() ||
        term.entry.array == plan::no_array || !term.scale.fixed || term.scale.value != 1 ||
        !array_or_one(term.left_factor) || !array_or_one(term.right_factor))
        return std::nullopt;
    const std::uint32_t array = term.entry.array;
    const plan::PairArray& own = part.arrays[array];
    if (own.output || own.value || own.accumulated || own.sums)
        return std::nullopt;
    std::optional<std::uint32_t> result;
    for (std::uint32_t k = 0; k < part.ops.size(); ++k) {
        const plan::PairOp& op = part.ops[k];
        const auto reads = plan::reads_of(op);
        if (&op != &multiple &&
            std::any_of(reads.begin(), reads.end(), [&](const auto* read) { return read->array == array; }))
            return std::nullopt;
        if (op.output || op.array != array)
            continue;
        if (result || !adds_values(op, false) || op.terms.empty() || op.tangent != multiple.tangent)
            return std::nullopt;
        result = k;
    }
    return result;
}

bool take_sum(plan::Part& part, std::uint32_t multiple, std::uint32_t sum) {
    const auto there = home_of(part, multiple), here = home_of(part, sum);
    if (!there || !here || there->planes() != here->planes())
        return false;
    plan::PairOp op = part.ops[multiple];
    plan::PairOp terms = part.ops[sum];
    const plan::EntryRead& read = op.terms[0].entry;
    Names names;
    if (!match(terms.left_target, read.left, names) || !match(terms.right_target, read.right, names))
        return false;
    const std::set<std::uint32_t> around = there->slots();
    Renaming rename(names, around);
    for (plan::TermOp& term : terms.terms) {
        rename(term);
        const bool reads = term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read;
        if (reads && term.entry.array != plan::no_array && part.arrays[term.entry.array].accumulated)
            return false; // those are there after all planes only
    }
    for (plan::Guard& guard : terms.guards) {
        rename(guard.value);
        rename.fine =
            rename.fine && (always(guard) || std::any_of(op.guards.begin(), op.guards.end(),
                                                         [&](const plan::Guard& own) { return same(own, guard); }));
    }
    if (!rename.fine)
        return false;
    std::fill(part.arrays[read.array].box.size.begin(), part.arrays[read.array].box.size.end(), 0);
    op.terms = std::move(terms.terms);
    op.gap_linear = false;
    part.ops[multiple] = std::move(op);
    remove(part.right[here->statement], sum);
    return true;
}

} // namespace

FactoredPart factor_out(const plan::Part& given) {
    FactoredPart result{given, std::vector<SumFactors>(given.ops.size())};
    plan::Part& part = result.part;
    bool changed = false;
    for (std::uint32_t k = 0; k < part.ops.size(); ++k)
        if (const auto sum = multiplied(part, part.ops[k])) {
            const plan::TermOp term = part.ops[k].terms[0];
            if (!take_sum(part, k, *sum))
                continue;
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
