#include "compiler/rewrite/sums_terms.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>

namespace tpc::plan {
namespace {

using limit::PairTerm;

class Sides {
  public:
    explicit Sides(const limit::Recursions& recursions) : recursions_(recursions) {}

    [[nodiscard]] bool is_right(std::uint32_t slot) const { return slot >= recursions_.left_symbols; }
    [[nodiscard]] bool all(const Linear& linear, bool right) const {
        return std::all_of(linear.terms.begin(), linear.terms.end(),
                           [&](const auto& t) { return is_right(t.first) == right; });
    }
    [[nodiscard]] bool all(const std::vector<Linear>& list, bool right) const {
        return std::all_of(list.begin(), list.end(), [&](const Linear& linear) { return all(linear, right); });
    }
    [[nodiscard]] bool all(const Constant& constant, bool right) const {
        if (constant.fixed)
            return true;
        const ir::Program& program = recursions_.network.program;
        for (std::uint32_t slot = 0; slot < program.symbols.size(); ++slot) {
            const bool axis =
                program.info(static_cast<ir::Symbol>(is_right(slot) ? slot - recursions_.left_symbols : slot)).axis;
            if (!axis && is_right(slot) != right && involves(program.exprs, constant.expression, slot))
                return false;
        }
        return true;
    }
    [[nodiscard]] bool all(const Factor& factor, bool right) const {
        return all(factor.point, right) && (factor.array || all(factor.constant, right));
    }
    // The number does not change with any of the sums.
    [[nodiscard]] bool free_of(const Constant& constant, const std::vector<LoopRange>& sums) const {
        return constant.fixed || std::none_of(sums.begin(), sums.end(), [&](const LoopRange& range) {
                   return involves(recursions_.network.program.exprs, constant.expression, range.slot);
               });
    }

  private:
    const limit::Recursions& recursions_;
};

bool equal(const Linear& a, const Linear& b) {
    return a.denominator == b.denominator && a.constant == b.constant && combine(a, -1, b).terms.empty();
}
bool equal(const std::vector<Linear>& a, const std::vector<Linear>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Linear& x, const Linear& y) { return equal(x, y); });
}
bool equal(const Constant& a, const Constant& b) {
    return a.fixed == b.fixed && (a.fixed ? a.value == b.value : a.expression == b.expression && a.right == b.right);
}
bool equal(const Factor& a, const Factor& b) {
    return a.array == b.array && equal(a.point, b.point) && (a.array || equal(a.constant, b.constant));
}
bool equal(const Place& a, const Place& b) {
    return a.family == b.family && a.mode == b.mode && equal(a.indices, b.indices);
}
bool equal(const std::vector<LoopRange>& a, const std::vector<LoopRange>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const LoopRange& x, const LoopRange& y) {
        return x.slot == y.slot && equal(x.lower, y.lower) && equal(x.upper, y.upper);
    });
}
bool equal(const std::vector<Guard>& a, const std::vector<Guard>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Guard& x, const Guard& y) { return x.relation == y.relation && equal(x.value, y.value); });
}

Factor one() {
    Factor factor;
    factor.constant.value = 1;
    return factor;
}

} // namespace

std::optional<SplitTerm> split(const limit::Recursions& recursions, const TermOp& term) {
    const bool stored = term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read;
    const Sides sides(recursions);
    if (!stored || term.entry.array == no_array || !sides.all(term.entry.left.indices, false) ||
        !sides.all(term.entry.right.indices, true) || !sides.all(term.left_factor, false) ||
        !sides.all(term.right_factor, true) || !sides.free_of(term.scale, term.sums) || !sides.free_of(term.rate, term.sums))
        return std::nullopt;
    SplitTerm result{term, term};
    result.left.kind = PairTerm::Kind::read;
    result.left.scale = result.left.rate = {};
    result.left.scale.value = 1;
    result.left.right_factor = result.right.left_factor = one();
    for (TermOp* part : {&result.left, &result.right}) {
        part->sums.clear();
        part->guards.clear();
    }
    for (const LoopRange& range : term.sums) {
        const bool right = sides.is_right(range.slot);
        if (!sides.all(range.lower, right) || !sides.all(range.upper, right) || !range.lowers.empty() ||
            !range.uppers.empty())
            return std::nullopt;
        (right ? result.right : result.left).sums.push_back(range);
    }
    for (const Guard& guard : term.guards) {
        if (!sides.all(guard.value, true) && !sides.all(guard.value, false))
            return std::nullopt;
        (sides.all(guard.value, false) ? result.left : result.right).guards.push_back(guard);
    }
    return result;
}

bool same_left(const TermOp& a, const TermOp& b) {
    return a.entry.array == b.entry.array && equal(a.entry.left, b.entry.left) && equal(a.left_factor, b.left_factor) &&
           equal(a.sums, b.sums) && equal(a.guards, b.guards);
}

bool same_right(const TermOp& a, const TermOp& b) {
    return a.kind == b.kind && equal(a.scale, b.scale) && equal(a.rate, b.rate) && equal(a.entry.right, b.entry.right) &&
           equal(a.right_factor, b.right_factor) && equal(a.sums, b.sums) && equal(a.guards, b.guards);
}

} // namespace tpc::plan
