#include "compiler/rewrite/sums.hpp"

#include "compiler/plan/count.hpp"
#include "compiler/plan/intervals.hpp"
#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"
#include "compiler/plan/solve.hpp"
#include "compiler/rewrite/sums_terms.hpp"

#include <algorithm>
#include <set>

namespace tpc::plan {
namespace {

using limit::PairTerm;

constexpr double worthwhile = 0.6; // of the products before

// Terms of one operation with one right part; the left parts add up to S.
struct Group {
    TermOp right;
    std::vector<TermOp> left;
};

bool same_sums(const Group& a, const Group& b) {
    return a.left.size() == b.left.size() && a.right.entry.right.family == b.right.entry.right.family &&
           std::equal(a.left.begin(), a.left.end(), b.left.begin(), same_left);
}

std::optional<std::uint32_t> summed(const Linear& index, const std::vector<LoopRange>& sums,
                                    const std::set<std::uint32_t>& taken = {}) {
    for (const LoopRange& range : sums)
        if (coefficient(index, range.slot) != 0 && !taken.contains(range.slot))
            return range.slot;
    return std::nullopt;
}

// Where the right elements of S stand: an index that sums run over has a loop of its own, others are what they were.
struct RightIndices {
    std::vector<Linear> values;
    std::vector<std::optional<Interval>> loops; // by dimension
};

class Factorer {
  public:
    Factorer(const Part& part, const SelfPlan& left, const SelfPlan& right, const limit::Recursions& recursions)
        : left_(left), right_(right), recursions_(recursions), part_(part), loops_(loops_of(part)) {}

    std::optional<Part> run() {
        bool found = false;
        const std::size_t ops = part_.ops.size();
        std::optional<Counts> counts;
        for (std::uint32_t k = 0; k < ops; ++k) {
            if (!sums_over_pairs(part_.ops[k]))
                continue;
            const Part before = part_;
            if (!counts)
                counts = count_runs(part_, symbols());
            if (!factor(k)) {
                part_ = before;
                continue;
            }
            Counts after = count_runs(part_, symbols());
            if (counts->gave_up || after.gave_up ||
                static_cast<double>(cost(after, k, ops)) > worthwhile * static_cast<double>(cost(*counts, k, ops))) {
                part_ = before;
                continue;
            }
            counts = std::move(after);
            found = true;
        }
        return found ? std::optional(std::move(part_)) : std::nullopt;
    }

  private:
    const SelfPlan& left_;
    const SelfPlan& right_;
    const limit::Recursions& recursions_;
    Part part_;
    Intervals loops_; // of the part as it was

    [[nodiscard]] std::size_t symbols() const { return recursions_.network.program.symbols.size(); }
    [[nodiscard]] bool is_right(std::uint32_t slot) const { return slot >= recursions_.left_symbols; }

    // Products of an operation and of all that were added.
    static std::uint64_t cost(const Counts& counts, std::uint32_t op, std::size_t first_added) {
        std::uint64_t sum = counts.products[op];
        for (std::size_t k = first_added; k < counts.products.size(); ++k)
            sum += counts.products[k];
        return sum;
    }

    [[nodiscard]] bool sums_over_pairs(const PairOp& op) const {
        const auto pairs = [&](const TermOp& term) {
            const auto right = std::count_if(term.sums.begin(), term.sums.end(),
                                             [&](const LoopRange& range) { return is_right(range.slot); });
            return right > 0 && static_cast<std::size_t>(right) < term.sums.size();
        };
        return op.rule == limit::Rule::linear && !op.output && (!op.gap_linear || part_.arrays[op.array].value) &&
               std::any_of(op.terms.begin(), op.terms.end(), pairs);
    }

    bool factor(std::uint32_t k) {
        std::vector<Group> groups;
        std::vector<TermOp> rest;
        for (TermOp term : part_.ops[k].terms) {
            if (term.kind == PairTerm::Kind::input)
                if (auto stored = store_products(k, term))
                    term = std::move(*stored);
            auto parts = split(recursions_, term);
            if (!parts) {
                rest.push_back(std::move(term));
                continue;
            }
            const auto group = std::find_if(groups.begin(), groups.end(),
                                            [&](const Group& own) { return same_right(own.right, parts->right); });
            if (group == groups.end())
                groups.push_back({std::move(parts->right), {std::move(parts->left)}});
            else
                group->left.push_back(std::move(parts->left));
        }
        bool found = false;
        std::vector<bool> done(groups.size(), false);
        for (std::size_t g = 0; g < groups.size(); ++g) {
            const auto nested = [](const TermOp& left) { return !left.sums.empty(); };
            if (done[g] || groups[g].right.sums.empty() ||
                std::none_of(groups[g].left.begin(), groups[g].left.end(), nested))
                continue;
            std::vector<TermOp*> rights;
            std::vector<bool> with = done;
            for (std::size_t other = 0; other < groups.size(); ++other)
                if (!done[other] && same_sums(groups[g], groups[other])) {
                    rights.push_back(&groups[other].right);
                    with[other] = true;
                }
            if (!hoist(k, groups[g], rights)) { // without the others, which may read elements elsewhere
                with = done;
                with[g] = true;
                rights.assign(1, &groups[g].right);
                if (!hoist(k, groups[g], rights))
                    continue;
            }
            for (const TermOp* right : rights)
                rest.push_back(*right);
            done = with;
            found = true;
        }
        for (std::size_t g = 0; g < groups.size(); ++g) {
            if (done[g])
                continue;
            for (const TermOp& left : groups[g].left) { // as it was
                TermOp term = groups[g].right;
                term.sums.insert(term.sums.begin(), left.sums.begin(), left.sums.end());
                term.guards.insert(term.guards.end(), left.guards.begin(), left.guards.end());
                term.left_factor = left.left_factor;
                term.entry = left.entry;
                term.entry.right = groups[g].right.entry.right;
                rest.push_back(std::move(term));
            }
        }
        part_.ops[k].terms = std::move(rest);
        return found;
    }

    // --- S

    [[nodiscard]] static Interval interval(const Box& box, std::size_t d) {
        return {box.lower[d], box.lower[d] + box.size[d] - 1};
    }
    [[nodiscard]] static bool within(const Interval& range, const Interval& in) {
        return range.lower >= in.lower && range.upper <= in.upper;
    }
    // The interval of a stored dimension of an array.
    [[nodiscard]] std::optional<Interval> stored(std::uint32_t array, std::size_t dimension) const {
        const PairArray& own = part_.arrays[array];
        for (std::size_t k = 0; k < own.kept.size(); ++k)
            if (own.kept[k] == dimension)
                return interval(own.box, k);
        return std::nullopt;
    }

    [[nodiscard]] Intervals with_sums(const TermOp& term) const {
        Intervals slots = loops_;
        for (const LoopRange& range : term.sums)
            set(range, slots);
        return slots;
    }

    // Every read of the left parts finds an entry, or leaves the family under `zero`, whatever conditions the instances of
    // the operation have beyond their loops.
    [[nodiscard]] bool inside(const TermOp& left) const {
        const Intervals slots = with_sums(left);
        const Place& place = left.entry.left;
        const Box& own = left_.box_of(place.family);
        for (std::size_t d = 0; d < place.indices.size(); ++d) {
            const auto rows = stored(left.entry.array, d);
            if (place.mode == ir::IndexMode::zero || !rows)
                continue;
            const bool moved = place.mode != ir::IndexMode::none;
            if (!within(moved ? interval(own, d) : range_of(place.indices[d], slots), *rows))
                return false;
        }
        return true;
    }
    // The right elements that some of the terms read.
    [[nodiscard]] std::optional<RightIndices> elements(const Group& group, const std::vector<TermOp*>& rights) const {
        RightIndices result;
        const TermOp& first = group.right;
        const Box& family = right_.box_of(first.entry.right.family);
        std::set<std::uint32_t> taken;
        for (std::size_t d = 0; d < first.entry.right.indices.size(); ++d) {
            const Linear& index = first.entry.right.indices[d];
            if (!summed(index, first.sums)) {
                for (const TermOp* right : rights) {
                    const Linear& other = right->entry.right.indices[d];
                    const bool moves = right->entry.right.mode != ir::IndexMode::none &&
                                       !within(range_of(other, with_sums(*right)), interval(family, d));
                    if (moves || constant_difference(index, other) != 0)
                        return std::nullopt;
                }
                result.values.push_back(index);
                result.loops.emplace_back();
                continue;
            }
            const auto slot = summed(index, first.sums, taken);
            if (!slot)
                return std::nullopt;
            taken.insert(*slot);
            Interval all{INT64_MAX, INT64_MIN};
            for (const TermOp* right : rights) {
                const ir::IndexMode mode = right->entry.right.mode;
                Interval own = range_of(right->entry.right.indices[d], with_sums(*right));
                if ((mode == ir::IndexMode::wrap || mode == ir::IndexMode::clamp) && !within(own, interval(family, d)))
                    own = interval(family, d);
                all = {std::min(all.lower, own.lower), std::max(all.upper, own.upper)};
            }
            const bool moves = std::any_of(rights.begin(), rights.end(), [](const TermOp* right) {
                const ir::IndexMode mode = right->entry.right.mode;
                return mode == ir::IndexMode::wrap || mode == ir::IndexMode::clamp;
            });
            for (const TermOp& left : group.left) { // beyond what is stored nothing is asked for
                const auto rows = stored(left.entry.array, left.entry.left.indices.size() + d);
                if (!rows || (moves && !within(all, *rows)))
                    return std::nullopt;
                all = {std::max(all.lower, rows->lower), std::min(all.upper, rows->upper)};
            }
            if (all.upper < all.lower)
                return std::nullopt;
            result.values.push_back({0, {{*slot, 1}}, 1});
            result.loops.emplace_back(all);
        }
        return result;
    }

    // The right index follows from the left ones by the conditions: it is not stored.
    [[nodiscard]] static bool follows(const PairOp& op, const Linear& index) {
        if (index.terms.empty())
            return true;
        for (const Linear& left : op.left_target) {
            const auto apart = difference(index, left);
            if (!apart)
                continue;
            for (const Guard& guard : op.guards)
                for (const std::int64_t sign : {1, -1})
                    if (guard.relation == ir::Relation::zero && guard.value.denominator == 1 &&
                        combine(guard.value, sign, *apart).terms.empty())
                        return true;
        }
        return false;
    }

    // Adds S and the operation that computes it; the right parts read it.
    bool hoist(std::uint32_t k, const Group& group, const std::vector<TermOp*>& rights) {
        const auto indices = elements(group, rights);
        if (!indices || !std::all_of(group.left.begin(), group.left.end(), [&](const TermOp& left) { return inside(left); }))
            return false;
        PairOp sum = part_.ops[k];
        sum.gap_linear = sum.needs_variances = false;
        sum.right_target = indices->values;
        sum.terms = group.left;
        for (TermOp& term : sum.terms)
            term.entry.right = {group.right.entry.right.family, indices->values, ir::IndexMode::none};

        std::set<std::uint32_t> used; // right slots
        for (const Linear& value : indices->values)
            for (const auto& [slot, factor] : value.terms)
                used.insert(slot);
        auto loops = right_loops(k, used);
        if (!loops)
            return false;
        std::erase_if(sum.guards, [&](const Guard& guard) {
            return std::any_of(guard.value.terms.begin(), guard.value.terms.end(),
                               [&](const auto& t) { return is_right(t.first) && !loops->own.contains(t.first); });
        });
        const auto array = add_array(sum, *indices, group.right.entry.right.family);
        if (!array)
            return false;
        sum.array = *array;
        for (TermOp* right : rights) {
            right->entry.array = *array;
            right->entry.left = {part_.arrays[*array].left, sum.left_target, ir::IndexMode::none};
        }

        WalkItem leaf;
        leaf.statement = sum.right_statement;
        leaf.ops = {static_cast<std::uint32_t>(part_.ops.size())};
        std::vector<LoopRange> ranges = loops->ranges;
        for (std::size_t d = 0; d < indices->loops.size(); ++d)
            if (const auto& all = indices->loops[d])
                ranges.push_back({indices->values[d].terms[0].first, {all->lower, {}, 1}, {all->upper, {}, 1}, {}, {}});
        const std::size_t statement = sum.left_statement;
        part_.ops.push_back(std::move(sum));
        insert_statement(part_.left, statement, add_walk(nest(ranges, std::move(leaf))));
        return true;
    }

    struct RightLoops {
        std::vector<LoopRange> ranges;
        std::set<std::uint32_t> own;
    };
    // Those around an operation that set slots in use; nothing where a bound is set by another one.
    [[nodiscard]] std::optional<RightLoops> right_loops(std::uint32_t k, const std::set<std::uint32_t>& used) const {
        const auto path = loops_around(part_.right[part_.ops[k].left_statement], k);
        if (!path)
            return std::nullopt;
        RightLoops result;
        for (const WalkItem* item : *path) {
            if (!used.contains(item->range.slot))
                continue;
            for (const Linear* bound : {&item->range.lower, &item->range.upper})
                for (const auto& [slot, factor] : bound->terms)
                    if (is_right(slot) && !result.own.contains(slot))
                        return std::nullopt;
            result.own.insert(item->range.slot);
            result.ranges.push_back(item->range);
        }
        return result;
    }
    std::optional<std::uint32_t> add_array(const PairOp& op, const RightIndices& indices, std::uint32_t right) {
        const PairArray& target = part_.arrays[op.array];
        PairArray array;
        array.left = target.left;
        array.right = right;
        array.value = array.sums = true;
        const std::size_t rank = op.left_target.size();
        for (std::size_t d = 0; d < target.kept.size(); ++d)
            if (target.kept[d] < rank)
                keep(array, target.kept[d], interval(target.box, d));
        for (std::size_t d = 0; d < indices.values.size(); ++d) {
            if (indices.loops[d])
                keep(array, rank + d, *indices.loops[d]);
            else if (!follows(op, indices.values[d]))
                keep(array, rank + d, range_of(indices.values[d], loops_));
        }
        return add_array(std::move(array));
    }
    static void keep(PairArray& array, std::size_t dimension, const Interval& range) {
        array.kept.push_back(dimension);
        array.box.lower.push_back(range.lower);
        array.box.size.push_back(range.upper - range.lower + 1);
    }
    std::uint32_t add_array(PairArray array) {
        array.offset = part_.entries;
        part_.entries += static_cast<std::size_t>(array.box.count());
        part_.arrays.push_back(std::move(array));
        return static_cast<std::uint32_t>(part_.arrays.size() - 1);
    }

    // --- products of inputs

    // <x[k], x_[l]> of all pairs of finite vectors that a sum reads, stored before anything else: of one sample, only inputs
    // are known by then.
    std::optional<TermOp> store_products(std::uint32_t k, const TermOp& term) {
        const bool self = &left_ == &right_;
        if (self && !(left_.finite[term.left_finite].input && right_.finite[term.right_finite].input))
            return std::nullopt;
        PairOp op = part_.ops[k];
        op.gap_linear = op.needs_variances = false;
        op.guards.clear();
        op.terms.assign(1, term);
        TermOp& product = op.terms[0];
        PairArray array;
        array.value = true;
        array.left = left_.family_of(term.left_finite);
        array.right = right_.family_of(term.right_finite);
        std::vector<LoopRange> loops[2];
        for (const bool right : {false, true}) {
            Place& place = right ? product.right_place : product.left_place;
            auto& target = right ? op.right_target : op.left_target;
            const Box& box = right ? right_.finite[term.right_finite].box : left_.finite[term.left_finite].box;
            target.clear();
            std::set<std::uint32_t> taken;
            for (std::size_t d = 0; d < place.indices.size(); ++d) {
                const auto slot = summed(place.indices[d], term.sums, taken);
                if (!slot || is_right(*slot) != right)
                    return std::nullopt;
                taken.insert(*slot);
                target.push_back({0, {{*slot, 1}}, 1});
                const Interval all = interval(box, d);
                keep(array, (right ? product.left_place.indices.size() : 0) + d, all);
                loops[right ? 1 : 0].push_back({*slot, {all.lower, {}, 1}, {all.upper, {}, 1}, {}, {}});
            }
            place = {0, target, ir::IndexMode::none};
        }
        TermOp stored = term;
        stored.kind = PairTerm::Kind::matmul;
        stored.entry = {add_array(std::move(array)),
                        {left_.family_of(term.left_finite), term.left_place.indices, term.left_place.mode},
                        {right_.family_of(term.right_finite), term.right_place.indices, term.right_place.mode}};
        product.sums.clear();
        product.guards.clear();
        product.left_factor = product.right_factor = {};
        product.left_factor.constant.value = product.right_factor.constant.value = 1;
        product.scale = product.rate = {};
        product.scale.value = 1;
        op.array = stored.entry.array;
        WalkItem leaf;
        leaf.statement = op.right_statement;
        leaf.ops = {static_cast<std::uint32_t>(part_.ops.size())};
        part_.ops.push_back(std::move(op));
        WalkItem left;
        left.statement = add_walk(nest(loops[1], std::move(leaf)));
        part_.left.insert(part_.left.begin(), nest(loops[0], std::move(left)));
        return stored;
    }

    // --- loops

    // A right walk of its own; gives the left statement that stands for it.
    std::size_t add_walk(WalkItem item) {
        std::vector<WalkItem> items{std::move(item)};
        solve(items, part_.ops, recursions_.left_symbols, static_cast<std::uint32_t>(symbols()));
        part_.right.push_back(std::move(items));
        return part_.right.size() - 1;
    }
};

} // namespace

std::optional<Part> factor_sums(const Part& part, const SelfPlan& left, const SelfPlan& right,
                                const limit::Recursions& recursions) {
    return Factorer(part, left, right, recursions).run();
}

} // namespace tpc::plan
