// What a plan takes from the recursions, with sizes in the place of axes.
#pragma once

#include "compiler/plan/plan.hpp"

namespace tpc::plan {

// Folds axes into numbers. Keeps all three by reference.
class Binder {
  public:
    Binder(const limit::Recursions& recursions, const ir::Sizes& left, const ir::Sizes& right)
        : recursions_(recursions), left_(left), right_(right) {}

    Linear linear(const ir::Affine& affine) const {
        Linear result{affine.constant, {}, affine.denominator};
        for (const auto& [symbol, coefficient] : affine.terms) {
            const bool primed = recursions_.is_primed(symbol);
            const auto own =
                static_cast<ir::Symbol>(static_cast<std::uint32_t>(symbol) - (primed ? recursions_.left_symbols : 0));
            if (recursions_.network.program.info(own).axis)
                result.constant += coefficient * (primed ? right_ : left_).at(own);
            else
                result.terms.emplace_back(static_cast<std::uint32_t>(symbol), coefficient);
        }
        return result;
    }
    ir::Affine prime(const ir::Affine& affine) const {
        return substitute(affine,
                          [&](ir::Symbol s) -> std::optional<ir::Affine> { return ir::Affine::of(recursions_.primed(s)); });
    }
    Guard guard(const ir::Condition& condition) const { return {linear(condition.value), condition.relation}; }
    LoopRange range(const ir::Range& r) const {
        return {static_cast<std::uint32_t>(r.index), linear(r.lower), linear(r.upper), {}, {}};
    }
    LoopRange primed(const ir::Range& r) const {
        return range({recursions_.primed(r.index), prime(r.lower), prime(r.upper)});
    }
    std::vector<Linear> list(const llvm::ArrayRef<ir::Affine> affines) const {
        std::vector<Linear> result;
        for (const ir::Affine& affine : affines)
            result.push_back(linear(affine));
        return result;
    }
    Place place(std::uint32_t family, const ir::Access& access) const { return {family, list(access.indices), access.mode}; }

  private:
    const limit::Recursions& recursions_;
    const ir::Sizes& left_;
    const ir::Sizes& right_;
};

// Domains and targets of statements and outputs alike.
struct Unit {
    std::vector<ir::Range> ranges;
    std::vector<ir::Condition> conditions;
    std::vector<ir::Affine> indices;
    const std::vector<network::LinearTerm>* terms = nullptr;
};
std::vector<Unit> units_of(const limit::Recursions& recursions);

Box box_of(const resolve::Extent& extent);

} // namespace tpc::plan
