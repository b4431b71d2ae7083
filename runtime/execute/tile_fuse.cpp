#include "runtime/execute/tile_fuse.hpp"

#include "compiler/plan/fissile.hpp"
#include "compiler/plan/items.hpp"
#include "runtime/execute/tile_names.hpp"

#include <algorithm>

namespace tpc::execute {
namespace {

// The sum that an operation's Gaussians are, where nothing else reads it.
std::optional<std::uint32_t> sum_of(const plan::Part& part, std::uint32_t dual) {
    const std::uint32_t array = part.ops[dual].entry.array;
    if (array == plan::no_array)
        return std::nullopt;
    const plan::PairArray& own = part.arrays[array];
    if (own.output || own.value || own.accumulated || own.sums)
        return std::nullopt;
    std::optional<std::uint32_t> result;
    for (std::uint32_t k = 0; k < part.ops.size(); ++k) {
        const plan::PairOp& op = part.ops[k];
        const auto reads = plan::reads_of(op);
        if (k != dual && std::any_of(reads.begin(), reads.end(), [&](const auto* read) { return read->array == array; }))
            return std::nullopt;
        if (op.output || op.array != array)
            continue;
        if (result || op.rule != limit::Rule::linear || !op.gap_linear || op.accumulates || op.terms.empty() ||
            op.tangent != part.ops[dual].tangent)
            return std::nullopt;
        result = k;
    }
    return result;
}

bool fuse(plan::Part& part, std::uint32_t dual, std::uint32_t sum) {
    const auto there = home_of(part, dual), here = home_of(part, sum);
    if (!there || !here)
        return false;
    if (there->planes() != here->planes())
        return false;
    plan::PairOp op = part.ops[dual];
    plan::PairOp terms = part.ops[sum];
    Names names;
    if (!match(terms.left_target, op.entry.left, names) || !match(terms.right_target, op.entry.right, names))
        return false;
    const std::set<std::uint32_t> around = there->slots();
    Renaming rename(names, around);
    for (plan::TermOp& term : terms.terms)
        rename(term);
    for (plan::Guard& guard : terms.guards) {
        rename(guard.value);
        rename.fine =
            rename.fine && (always(guard) || std::any_of(op.guards.begin(), op.guards.end(),
                                                         [&](const plan::Guard& own) { return same(own, guard); }));
    }
    for (const plan::TermOp& term : terms.terms) // sums over planes are there after them only
        if (term.kind == limit::PairTerm::Kind::matmul || term.kind == limit::PairTerm::Kind::read)
            rename.fine = rename.fine && (term.entry.array == plan::no_array || !part.arrays[term.entry.array].accumulated);
    if (!rename.fine)
        return false;
    op.terms = std::move(terms.terms);
    op.gap_linear = true;
    std::fill(part.arrays[op.entry.array].box.size.begin(), part.arrays[op.entry.array].box.size.end(), 0);
    op.entry.array = plan::no_array;
    part.ops[dual] = std::move(op);
    remove(part.right[here->statement], sum);
    return true;
}

} // namespace

plan::Part fuse(const plan::Part& given, const std::vector<bool>& rows) {
    plan::Part part = given;
    bool changed = false;
    for (std::uint32_t k = 0; k < part.ops.size(); ++k)
        if (part.ops[k].rule == limit::Rule::dual && rows[k])
            if (const auto sum = sum_of(part, k))
                changed = fuse(part, k, *sum) || changed;
    if (changed)
        plan::mark_fissile(part);
    return part;
}

} // namespace tpc::execute
