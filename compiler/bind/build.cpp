#include "compiler/bind/build.hpp"

#include "compiler/bind/elements.hpp"
#include "compiler/bind/output_indices.hpp"
#include "compiler/bind/pairs.hpp"
#include "compiler/bind/walks.hpp"
#include "compiler/passes/integer_set.hpp"
#include "compiler/plan/plan.hpp"
#include "compiler/rewrite/fissile.hpp"
#include "compiler/rewrite/partition.hpp"
#include "compiler/rewrite/sums.hpp"

namespace tpc::plan {
namespace {

using ir::Sizes;

void build_part(Part& part, limit::Recursions& recursions, const SelfPlan& left, const SelfPlan& right, bool self) {
    add_pairs(part, recursions, left, right, self);
    add_walks(part, recursions, left, right, self);
    part.slots = recursions.network.program.symbols.size();
}

void build_self(SelfPlan& plan) {
    add_elements(plan);
    build_part(plan.part, plan.recursions, plan, plan, true);
    plan.factored = factor_sums(plan.part, plan, plan, plan.recursions);
}

} // namespace

std::optional<Plan> build(const network::Network& network, const Sizes& left, const Sizes& right, bool tangent,
                          source::Diagnostics& diagnostics) {
    Plan plan;
    plan.same_sizes = left == right;
    auto cross = limit::derive(network, {tangent, left, right, {}}, diagnostics);
    if (!cross)
        return std::nullopt;
    plan.recursions = std::move(*cross);
    const auto self = [&](const Sizes& sizes, SelfPlan& part) {
        // The self equations of a derivation are of its left sizes, and all that its cross equations read of left samples:
        // those of the right ones are the left ones of the same pair the other way round.
        auto recursions = &sizes == &left ? std::optional(plan.recursions)
                                          : limit::derive(network, {tangent, right, left, {}}, diagnostics);
        if (!recursions)
            return false;
        part.sizes = sizes;
        part.recursions = std::move(*recursions);
        build_self(part);
        return true;
    };
    try {
        if (!self(left, plan.left))
            return std::nullopt;
        if (plan.same_sizes)
            plan.right = plan.left;
        else if (!self(right, plan.right))
            return std::nullopt;
        build_part(plan.cross, plan.recursions, plan.left, plan.right, false);
        mark_fissile(plan.cross);
        plan.factored = factor_sums(plan.cross, plan.left, plan.right, plan.recursions);
        if (plan.factored)
            mark_fissile(*plan.factored);
        plan.planes = partition(plan);
    } catch (const passes::IntegerSetError&) {
        diagnostics.report(source::Id::index_analysis, network.outputs.front().span);
        return std::nullopt;
    }
    for (OutputIndices& output : output_indices(network, left))
        plan.left_outputs.push_back(std::move(output.box));
    for (OutputIndices& output : output_indices(network, right))
        plan.right_outputs.push_back(std::move(output.box));
    for (std::size_t o = 0; o < plan.recursions.network.outputs.size(); ++o) {
        const auto family = static_cast<std::uint32_t>(plan.recursions.network.program.families.size() + o);
        for (std::uint32_t k = 0; k < plan.cross.arrays.size(); ++k)
            if (plan.cross.arrays[k].left == family && plan.cross.arrays[k].right == family)
                plan.output_arrays.push_back(k);
    }
    return plan;
}

} // namespace tpc::plan
