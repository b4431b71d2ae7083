#include "runtime/tiles/fuse.hpp"

#include "compiler/rewrite/fissile.hpp"
#include "runtime/tiles/absorb.hpp"

namespace tpc::execute {
namespace {

bool fuse(plan::Part& part, std::uint32_t dual) {
    const plan::EntryRead read = part.ops[dual].entry;
    const auto sum = sole_writer(part, read.array, dual);
    if (!sum)
        return false;
    const plan::PairOp& op = part.ops[*sum];
    if (op.rule != limit::Rule::linear || !op.gap_linear || op.accumulates || op.terms.empty() ||
        op.tangent != part.ops[dual].tangent)
        return false;
    auto terms = absorb(part, dual, read, *sum);
    if (!terms)
        return false;
    part.ops[dual].terms = *std::move(terms);
    part.ops[dual].gap_linear = true;
    part.ops[dual].entry.array = plan::no_array;
    return true;
}

} // namespace

plan::Part fuse(const plan::Part& given, const std::vector<bool>& rows) {
    plan::Part part = given;
    bool changed = false;
    for (std::uint32_t k = 0; k < part.ops.size(); ++k)
        if (part.ops[k].rule == limit::Rule::dual && rows[k])
            changed = fuse(part, k) || changed;
    if (changed)
        plan::mark_fissile(part);
    return part;
}

} // namespace tpc::execute
