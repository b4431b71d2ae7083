#include "compiler/plan/count.hpp"

#include "compiler/plan/walk.hpp"

#include <algorithm>
#include <numeric>
#include <set>

namespace tpc::plan {
namespace {

using Slots = std::set<std::uint32_t>;

constexpr std::uint64_t most_visits = 20'000'000;

void use(Slots& used, const Linear& value) {
    for (const auto& [slot, coefficient] : value.terms)
        used.insert(slot);
}

void use(Slots& used, const LoopRange& range) {
    use(used, range.lower);
    use(used, range.upper);
    for (const auto* bounds : {&range.lowers, &range.uppers})
        for (const Linear& bound : *bounds)
            use(used, bound);
}

// Walks the loops, but for those of which nothing inside depends on the index: one turn counts for all.
class Counter {
  public:
    Counter(const Part& part, std::size_t slots) : part_(part), values_(slots, 0) {
        counts.runs.assign(part.ops.size(), 0);
        counts.products.assign(part.ops.size(), 0);
        counts.inputs.assign(part.ops.size(), 0);
        used_below(part.left, false);
        left(part.left, 1);
    }

    Counts counts;

  private:
    const Part& part_;
    std::vector<std::int64_t> values_;
    std::set<const WalkItem*> uniform_;
    std::uint64_t visits_ = 0;

    // The indices on which the number of runs of what is below depends; notes the uniform loops.
    Slots used_below(const std::vector<WalkItem>& items, bool right) {
        Slots all;
        for (const WalkItem& item : items) {
            Slots used;
            if (item.loop) {
                used = used_below(item.children, right);
                if (!used.contains(item.range.slot))
                    uniform_.insert(&item);
                use(used, item.range.lower);
                use(used, item.range.upper);
                for (const std::vector<Linear>& values : item.solutions)
                    for (const Linear& value : values)
                        use(used, value);
            } else if (!right && item.statement < part_.right.size()) {
                used = used_below(part_.right[item.statement], true);
            }
            for (const std::uint32_t k : item.ops) {
                for (const Guard& guard : part_.ops[k].guards)
                    use(used, guard.value);
                for (const TermOp& term : part_.ops[k].terms)
                    for (const LoopRange& range : term.sums)
                        use(used, range);
            }
            all.merge(used);
        }
        return all;
    }

    template <class Body>
    void turns(const WalkItem& item, std::int64_t lower, std::int64_t upper, std::uint64_t weight, const Body& body) {
        if (upper < lower)
            return;
        const bool uniform = uniform_.contains(&item);
        if (uniform)
            weight *= static_cast<std::uint64_t>(upper - lower + 1);
        for (std::int64_t i = lower; i <= (uniform ? lower : upper) && !counts.gave_up; ++i) {
            values_[item.range.slot] = i;
            body(weight);
        }
    }

    void left(const std::vector<WalkItem>& items, std::uint64_t weight) {
        for (const WalkItem& item : items) {
            if (item.loop)
                turns(item, item.range.first(values_.data()), item.range.last(values_.data()), weight,
                      [&](std::uint64_t inner) { left(item.children, inner); });
            else if (item.statement < part_.right.size())
                right(part_.right[item.statement], weight);
        }
    }

    // Of a term at the instance at hand, whatever its conditions leave of them.
    std::uint64_t products(const TermOp& term, std::size_t depth) {
        if (depth == term.sums.size())
            return 1;
        const LoopRange& range = term.sums[depth];
        const std::int64_t lower = range.first(values_.data());
        const std::int64_t upper = range.last(values_.data());
        if (upper < lower)
            return 0;
        const bool alike = std::none_of(term.sums.begin() + static_cast<std::ptrdiff_t>(depth) + 1, term.sums.end(),
                                        [&](const LoopRange& inner) {
                                            Slots used;
                                            use(used, inner);
                                            return used.contains(range.slot);
                                        });
        std::uint64_t sum = 0;
        for (std::int64_t i = lower; i <= (alike ? lower : upper); ++i) {
            values_[range.slot] = i;
            sum += products(term, depth + 1);
        }
        return alike ? sum * static_cast<std::uint64_t>(upper - lower + 1) : sum;
    }

    void right(const std::vector<WalkItem>& items, std::uint64_t weight) {
        for (const WalkItem& item : items) {
            if (item.loop) {
                const auto [lower, upper] = right_bounds(item, values_.data());
                turns(item, lower, upper, weight, [&](std::uint64_t inner) { right(item.children, inner); });
                continue;
            }
            for (const std::uint32_t k : item.ops) {
                if (hold(part_.ops[k].guards, values_.data())) {
                    counts.runs[k] += weight;
                    for (const TermOp& term : part_.ops[k].terms) {
                        const std::uint64_t all = weight * products(term, 0);
                        counts.products[k] += all;
                        counts.inputs[k] += term.kind == limit::PairTerm::Kind::input ? all : 0;
                    }
                }
                counts.gave_up = counts.gave_up || ++visits_ > most_visits;
            }
        }
    }
};

} // namespace

std::uint64_t total_products(const Counts& counts) {
    return std::accumulate(counts.products.begin(), counts.products.end(), std::uint64_t{0});
}

Counts count_runs(const Part& part, std::size_t slots) {
    return std::move(Counter(part, slots).counts);
}

} // namespace tpc::plan
