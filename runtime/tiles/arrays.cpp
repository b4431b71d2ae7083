#include "runtime/tiles/arrays.hpp"

#include "runtime/tiles/fuse.hpp"

#include <algorithm>

namespace tpc::execute {

using limit::PairTerm;

template <class Real>
std::vector<bool> never_negative(const plan::Part& part, const std::vector<TileDual<Real>>& duals,
                                 const std::vector<SumFactors>& factors) {
    std::vector<bool> result(part.arrays.size(), true);
    const auto positive = [](const plan::Factor& factor) { return !factor.array && factor.constant.fixed; };
    const auto term_is = [&](const plan::TermOp& term) {
        if (!positive(term.left_factor) || !positive(term.right_factor) || !term.scale.fixed || term.scale.value < 0 ||
            term.left_factor.constant.value * term.right_factor.constant.value < 0)
            return false;
        if (term.kind == PairTerm::Kind::parameter)
            return true;
        if (term.kind != PairTerm::Kind::matmul && term.kind != PairTerm::Kind::read)
            return false;
        return term.entry.array == plan::no_array || result[term.entry.array];
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t k = 0; k < part.ops.size(); ++k) {
            const plan::PairOp& op = part.ops[k];
            if (!result[op.array])
                continue;
            const bool holds = op.rule == limit::Rule::dual ? duals[k].shape.nonnegative
                                                            : op.rule == limit::Rule::linear && !factors[k].any() &&
                                                                  std::all_of(op.terms.begin(), op.terms.end(), term_is);
            if (holds)
                continue;
            result[op.array] = false;
            changed = true;
        }
    }
    return result;
}

std::vector<bool> only_values(const plan::Part& part) {
    std::vector<bool> gaps(part.arrays.size(), false);
    const auto want = [&](std::uint32_t array) {
        const bool news = array != plan::no_array && !gaps[array] && !part.arrays[array].value;
        if (news)
            gaps[array] = true;
        return news;
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (const plan::PairOp& op : part.ops) {
            if (op.rule == limit::Rule::dual)
                changed = want(op.entry.array) || changed;
            if (fused(op) || (op.rule == limit::Rule::linear && !op.output && op.gap_linear && gaps[op.array]))
                for (const plan::TermOp& term : op.terms)
                    if (term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read)
                        changed = want(term.entry.array) || changed;
        }
    }
    gaps.flip();
    return gaps;
}

std::vector<bool> moving(const plan::Part& part) {
    std::vector<bool> result(part.arrays.size(), false);
    const auto reads = [&](std::uint32_t array) { return array != plan::no_array && result[array]; };
    const auto term_is = [&](const plan::TermOp& term) {
        const bool read = term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read;
        const bool rated = term.kind != PairTerm::Kind::read && term.kind != PairTerm::Kind::means &&
                           !(term.rate.fixed && term.rate.value == 0);
        return rated || (read && reads(term.entry.array));
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (const plan::PairOp& op : part.ops) {
            if (op.output || !op.tangent || result[op.array])
                continue;
            // the row operation of a sum and its dual kernel always has T
            const bool holds = fused(op) || (op.rule == limit::Rule::dual && reads(op.entry.array)) ||
                               std::any_of(op.terms.begin(), op.terms.end(), term_is) ||
                               std::any_of(op.groups.begin(), op.groups.end(), [&](const plan::GroupOp& group) {
                                   return group.cross && reads(group.entry.array);
                               });
            if (!holds)
                continue;
            result[op.array] = changed = true;
        }
    }
    return result;
}

template std::vector<bool> never_negative(const plan::Part&, const std::vector<TileDual<double>>&,
                                          const std::vector<SumFactors>&);
template std::vector<bool> never_negative(const plan::Part&, const std::vector<TileDual<float>>&,
                                          const std::vector<SumFactors>&);

} // namespace tpc::execute
