#include "runtime/tiles/route.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>
#include <set>

namespace tpc::execute {
namespace {

class Alone {
  public:
    explicit Alone(const limit::Recursions& recursions) : recursions_(recursions) {}

    std::vector<std::uint32_t> operator()(const plan::PairOp& op) {
        for (const auto* target : {&op.left_target, &op.right_target})
            fractions(*target);
        entry(op.entry, true);
        for (const plan::TermOp& term : op.terms) {
            for (const auto* guards : {&term.guards, &term.chosen})
                for (const plan::Guard& guard : *guards)
                    all(guard.value);
            for (const plan::LoopRange& range : term.sums) {
                all(range.lower);
                all(range.upper);
                for (const auto* bounds : {&range.lowers, &range.uppers})
                    std::for_each(bounds->begin(), bounds->end(), [&](const plan::Linear& bound) { all(bound); });
            }
            for (const plan::Factor* factor : {&term.left_factor, &term.right_factor}) {
                fractions(factor->point);
                if (!factor->array)
                    constant(factor->constant);
            }
            constant(term.scale);
            constant(term.rate);
            entry(term.entry, false);
            for (const plan::Place* place : {&term.left_place, &term.right_place})
                fractions(place->indices);
            for (const auto& mean : {term.left_mean, term.right_mean})
                if (mean)
                    place(*mean, true);
        }
        for (const plan::GroupOp& group : op.groups) {
            entry(group.entry, true);
            for (const auto& [right, mean] : group.means)
                place(mean, true);
            for (const plan::GroupOp::SelfEntry& self : group.self)
                entry(self.entry, true);
        }
        return {slots_.begin(), slots_.end()};
    }

  private:
    const limit::Recursions& recursions_;
    std::set<std::uint32_t> slots_;

    void all(const plan::Linear& linear) {
        for (const auto& [slot, coefficient] : linear.terms)
            slots_.insert(slot);
    }
    void fractions(const std::vector<plan::Linear>& indices) {
        for (const plan::Linear& index : indices)
            if (index.denominator != 1)
                all(index);
    }
    void place(const plan::Place& place, bool moded) {
        fractions(place.indices);
        if (moded && place.mode != ir::IndexMode::none)
            for (const plan::Linear& index : place.indices)
                all(index);
    }
    void entry(const plan::EntryRead& read, bool moded) {
        place(read.left, moded);
        place(read.right, moded);
    }
    void constant(const plan::Constant& c) {
        if (c.fixed)
            return;
        for (std::uint32_t slot = 0; slot < recursions_.network.program.symbols.size(); ++slot)
            if (plan::involves(recursions_.network.program.exprs, c.expression, slot))
                slots_.insert(slot);
    }
};

} // namespace

std::vector<std::uint32_t> slots_alone(const limit::Recursions& recursions, const plan::PairOp& op) {
    return Alone(recursions)(op);
}

} // namespace tpc::execute
