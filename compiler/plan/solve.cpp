#include "compiler/plan/solve.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>

namespace tpc::plan {
namespace {

class Solver {
  public:
    Solver(const std::vector<PairOp>& ops, std::uint32_t left_symbols, std::uint32_t symbols)
        : ops_(ops), left_symbols_(left_symbols), symbols_(symbols) {}

    void run(WalkItem& item, std::vector<std::uint32_t> known) const {
        if (!item.loop)
            return;
        item.solutions.clear();
        for (const std::uint32_t k : operations(item)) {
            std::vector<Linear> values;
            for (const Guard& guard : ops_[k].guards)
                if (auto value = value_from(guard, item.range.slot, known))
                    values.push_back(std::move(*value));
            item.solutions.push_back(std::move(values));
        }
        known.push_back(item.range.slot);
        for (WalkItem& child : item.children)
            run(child, known);
    }

  private:
    const std::vector<PairOp>& ops_;
    std::uint32_t left_symbols_, symbols_;

    std::optional<Linear> value_from(const Guard& guard, std::uint32_t slot, const std::vector<std::uint32_t>& known) const {
        const std::int64_t own = coefficient(guard.value, slot);
        if (guard.relation != ir::Relation::zero || own == 0)
            return std::nullopt;
        for (const auto& [other, factor] : guard.value.terms)
            if (other != slot && other >= left_symbols_ && other < symbols_ &&
                std::find(known.begin(), known.end(), other) == known.end())
                return std::nullopt;
        const std::int64_t sign = own > 0 ? -1 : 1;
        Linear value{sign * guard.value.constant, {}, own > 0 ? own : -own};
        for (const auto& [other, factor] : guard.value.terms)
            if (other != slot)
                value.terms.emplace_back(other, sign * factor);
        return value;
    }
};

} // namespace

void solve(std::vector<WalkItem>& items, const std::vector<PairOp>& ops, std::uint32_t left_symbols, std::uint32_t symbols) {
    for (WalkItem& item : items)
        Solver(ops, left_symbols, symbols).run(item, {});
}

} // namespace tpc::plan
