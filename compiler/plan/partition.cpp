#include "compiler/plan/partition.hpp"

#include "compiler/plan/fissile.hpp"
#include "compiler/plan/linear.hpp"
#include "compiler/plan/solve.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace tpc::plan {
namespace {

// Dimensions of the two families whose difference is an offset.
struct Pair {
    std::size_t left = 0, right = 0;
};

// Arrays that are cut together: their pairs, one for each offset.
using Component = std::map<std::uint32_t, std::vector<Pair>>;

bool follows(const Place& place) {
    return place.mode == ir::IndexMode::none || place.mode == ir::IndexMode::zero;
}

// Of a read or a target, right - left.
std::optional<Linear> offset(const std::vector<Linear>& left, const std::vector<Linear>& right, const Pair& pair) {
    return difference(right[pair.right], left[pair.left]);
}

bool same(const std::optional<Linear>& a, const std::optional<Linear>& b) {
    return a && b && constant_difference(*a, *b) == 0;
}

std::vector<const EntryRead*> stored_reads(const PairOp& op) {
    std::vector<const EntryRead*> reads;
    for (const EntryRead* read : reads_of(op))
        if (read->array != no_array)
            reads.push_back(read);
    return reads;
}

class Partitioner {
  public:
    explicit Partitioner(const Plan& plan) : plan_(plan), part_(plan.cross) {}

    std::optional<Part> run() {
        bool found = false;
        for (std::uint32_t seed = 0; seed < plan_.cross.arrays.size(); ++seed) {
            if (done_.contains(seed))
                continue;
            const Component component = grow(seed);
            for (const auto& [array, pairs] : component)
                done_.insert(array);
            if (component.empty() || !consistent(component))
                continue;
            Part before = part_;
            if (cut(component))
                found = true;
            else
                part_ = std::move(before);
        }
        if (!found)
            return std::nullopt;
        part_.entries = 0;
        for (PairArray& array : part_.arrays) {
            array.offset = part_.entries;
            part_.entries += static_cast<std::size_t>(array.box.count());
        }
        mark_fissile(part_);
        return std::move(part_);
    }

  private:
    const Plan& plan_;
    Part part_;
    std::set<std::uint32_t> done_;

    const ir::Program& program() const { return plan_.recursions.network.program; }
    std::size_t left_rank(const PairArray& array) const { return program().families[array.left].rank; }

    // Where a dimension of (left indices, right indices) stands among the stored ones.
    static std::optional<std::size_t> kept(const PairArray& array, std::size_t dimension) {
        const auto found = std::find(array.kept.begin(), array.kept.end(), dimension);
        return found == array.kept.end() ? std::nullopt
                                         : std::optional(static_cast<std::size_t>(found - array.kept.begin()));
    }
    std::vector<Pair> pairs_of(std::uint32_t a, const std::function<bool(const Pair&)>& wanted) const {
        std::vector<Pair> pairs;
        const PairArray& array = plan_.cross.arrays[a];
        if (array.output)
            return pairs;
        const std::size_t rank = left_rank(array);
        for (const std::size_t left : array.kept)
            for (const std::size_t right : array.kept)
                if (left < rank && right >= rank && wanted({left, right - rank}))
                    pairs.push_back({left, right - rank});
        return pairs;
    }

    // --- which arrays

    // One pair for each offset, or nothing.
    std::vector<Pair> match(std::uint32_t array, const std::vector<Linear>& left, const std::vector<Linear>& right,
                            const std::vector<std::optional<Linear>>& offsets) const {
        std::vector<Pair> result;
        for (const auto& wanted : offsets) {
            const auto found = pairs_of(array, [&](const Pair& pair) { return same(offset(left, right, pair), wanted); });
            if (found.size() != 1)
                return {};
            result.push_back(found[0]);
        }
        return result;
    }
    static std::vector<std::optional<Linear>> offsets(const std::vector<Linear>& left, const std::vector<Linear>& right,
                                                      const std::vector<Pair>& pairs) {
        std::vector<std::optional<Linear>> result;
        for (const Pair& pair : pairs)
            result.push_back(offset(left, right, pair));
        return result;
    }

    Component grow(std::uint32_t seed) const {
        Component component;
        const auto pairs = pairs_of(seed, [](const Pair& pair) { return pair.left == pair.right; });
        if (pairs.empty())
            return component;
        component[seed] = pairs;
        for (bool changed = true; changed;) {
            changed = false;
            for (const PairOp& op : plan_.cross.ops)
                for (const EntryRead* read : stored_reads(op)) {
                    const auto target = component.find(op.array);
                    const auto source = component.find(read->array);
                    if ((target == component.end()) == (source == component.end()) || op.output || !follows(read->left) ||
                        !follows(read->right))
                        continue;
                    const bool forward = source != component.end();
                    if (done_.contains(forward ? op.array : read->array))
                        continue;
                    const auto found = forward ? match(op.array, op.left_target, op.right_target,
                                                       offsets(read->left.indices, read->right.indices, source->second))
                                               : match(read->array, read->left.indices, read->right.indices,
                                                       offsets(op.left_target, op.right_target, target->second));
                    if (found.empty())
                        continue;
                    component[forward ? op.array : read->array] = found;
                    changed = true;
                }
        }
        return component;
    }

    // Every read among the arrays keeps the offsets.
    bool consistent(const Component& component) const {
        for (const PairOp& op : plan_.cross.ops) {
            const auto target = component.find(op.array);
            if (target == component.end())
                continue;
            const auto own = offsets(op.left_target, op.right_target, target->second);
            if (std::any_of(own.begin(), own.end(), [](const auto& o) { return !o; }) ||
                std::any_of(op.groups.begin(), op.groups.end(), [](const GroupOp& group) { return group.joint; }))
                return false;
            for (const EntryRead* read : stored_reads(op)) {
                const auto source = component.find(read->array);
                if (source == component.end())
                    continue;
                const auto given = offsets(read->left.indices, read->right.indices, source->second);
                for (std::size_t k = 0; k < own.size(); ++k)
                    if (!same(own[k], given[k]) || !follows(read->left) || !follows(read->right))
                        return false;
            }
        }
        return true;
    }

    // --- which loops

    static void statements(const WalkItem& item, std::vector<std::size_t>& result) {
        if (!item.loop)
            result.push_back(item.statement);
        for (const WalkItem& child : item.children)
            statements(child, result);
    }
    static void operations(const std::vector<WalkItem>& items, std::vector<std::uint32_t>& ops) {
        for (const WalkItem& item : items) {
            ops.insert(ops.end(), item.ops.begin(), item.ops.end());
            operations(item.children, ops);
        }
    }

    // The outermost items that write the arrays, [first, last], and nothing else.
    std::optional<std::pair<std::size_t, std::size_t>> region(const Component& component) const {
        std::optional<std::pair<std::size_t, std::size_t>> result;
        for (std::size_t k = 0; k < part_.left.size(); ++k) {
            if (part_.left[k].apart)
                continue;
            std::vector<std::size_t> own;
            statements(part_.left[k], own);
            std::vector<std::uint32_t> ops;
            for (const std::size_t statement : own)
                operations(part_.right[statement], ops);
            const auto writes = static_cast<std::size_t>(std::count_if(
                ops.begin(), ops.end(), [&](std::uint32_t op) { return component.contains(part_.ops[op].array); }));
            if (writes == 0)
                continue;
            if (writes != ops.size() || (result && result->second + 1 != k))
                return std::nullopt;
            result = {result ? result->first : k, k};
        }
        return result;
    }

    // --- the cut

    bool cut(const Component& component) {
        const auto items = region(component);
        if (!items)
            return false;
        const std::size_t count = component.begin()->second.size();
        const auto first_offset = static_cast<std::uint32_t>(part_.slots);
        part_.slots += count;

        std::set<std::uint32_t> whole; // arrays that are read in another way
        std::vector<WalkItem> sums;
        const std::size_t ops = part_.ops.size();
        for (std::uint32_t k = 0; k < ops; ++k) {
            if (component.contains(part_.ops[k].array))
                continue;
            const std::vector<const EntryRead*> reads = stored_reads(part_.ops[k]);
            if (std::none_of(reads.begin(), reads.end(), [&](const EntryRead* r) { return component.contains(r->array); }))
                continue;
            if (auto item = accumulate(k, component, first_offset))
                sums.push_back(std::move(*item));
            else
                for (const EntryRead* read : reads)
                    if (component.contains(read->array))
                        whole.insert(read->array);
        }
        for (const std::uint32_t a : whole)
            if (has_layers(a, component.at(a))) // all of them would be stored
                return false;
        if (whole.size() == component.size())
            return false;

        std::set<std::size_t> affected;
        for (std::size_t k = items->first; k <= items->second; ++k) {
            std::vector<std::size_t> own;
            statements(part_.left[k], own);
            affected.insert(own.begin(), own.end());
        }
        const auto symbols = static_cast<std::uint32_t>(program().symbols.size());
        for (std::uint32_t k = 0; k < ops; ++k) {
            PairOp& op = part_.ops[k];
            const auto pairs = component.find(op.array);
            if (pairs == component.end())
                continue;
            for (std::size_t o = 0; o < count; ++o)
                op.guards.push_back(
                    {less_offset(*offset(op.left_target, op.right_target, pairs->second[o]), first_offset + o),
                     ir::Relation::zero});
        }
        for (const std::size_t statement : affected)
            solve(part_.right[statement], part_.ops, plan_.recursions.left_symbols, symbols);

        std::vector<WalkItem> body(part_.left.begin() + static_cast<std::ptrdiff_t>(items->first),
                                   part_.left.begin() + static_cast<std::ptrdiff_t>(items->second) + 1);
        body.insert(body.end(), sums.begin(), sums.end());
        WalkItem loop = offset_loops(component, first_offset, std::move(body), whole);
        loop.position = part_.left[items->first].position;
        part_.left.erase(part_.left.begin() + static_cast<std::ptrdiff_t>(items->first),
                         part_.left.begin() + static_cast<std::ptrdiff_t>(items->second) + 1);
        part_.left.insert(part_.left.begin() + static_cast<std::ptrdiff_t>(items->first), std::move(loop));
        for (const auto& [a, pairs] : component) {
            if (!whole.contains(a))
                drop(part_.arrays[a], pairs);
        }
        return true;
    }

    static Linear less_offset(const Linear& value, std::size_t slot) {
        return combine({0, {{static_cast<std::uint32_t>(slot), 1}}, 1}, -1, value);
    }

    bool has_layers(std::uint32_t a, const std::vector<Pair>& pairs) const {
        const PairArray& array = plan_.cross.arrays[a];
        for (std::size_t k = 0; k < array.kept.size(); ++k) {
            const std::size_t d = array.kept[k];
            if (d < left_rank(array) && array.box.size[k] > 1 &&
                std::none_of(pairs.begin(), pairs.end(), [&](const Pair& pair) { return pair.left == d; }))
                return true;
        }
        return false;
    }

    void drop(PairArray& array, const std::vector<Pair>& pairs) const {
        for (const Pair& pair : pairs) {
            const auto at = static_cast<std::ptrdiff_t>(*kept(array, left_rank(array) + pair.right));
            array.kept.erase(array.kept.begin() + at);
            array.box.lower.erase(array.box.lower.begin() + at);
            array.box.size.erase(array.box.size.begin() + at);
        }
    }

    WalkItem offset_loops(const Component& component, std::uint32_t first, std::vector<WalkItem> body,
                          const std::set<std::uint32_t>& whole) {
        const std::size_t count = component.begin()->second.size();
        WalkItem inner;
        for (std::size_t o = count; o-- > 0;) {
            WalkItem loop;
            loop.loop = loop.apart = true;
            std::optional<std::int64_t> lower;
            std::optional<std::int64_t> upper;
            for (const auto& [a, pairs] : component) {
                const PairArray& array = plan_.cross.arrays[a];
                const std::size_t left = *kept(array, pairs[o].left);
                const std::size_t right = *kept(array, left_rank(array) + pairs[o].right);
                const auto last = [&](std::size_t k) { return array.box.lower[k] + array.box.size[k] - 1; };
                lower = std::min(lower.value_or(INT64_MAX), array.box.lower[right] - last(left));
                upper = std::max(upper.value_or(INT64_MIN), last(right) - array.box.lower[left]);
            }
            loop.range = {first + static_cast<std::uint32_t>(o), {*lower, {}, 1}, {*upper, {}, 1}, {}, {}};
            if (o + 1 == count) {
                loop.children = std::move(body);
                for (const auto& [a, pairs] : component)
                    if (!whole.contains(a) && read_beyond(a))
                        loop.fresh.push_back(a);
            } else {
                loop.children.push_back(std::move(inner));
            }
            inner = std::move(loop);
        }
        for (std::size_t o = 0; o < count; ++o)
            part_.offsets.push_back(name_of(component, o));
        return inner;
    }

    // Elements outside of a family are read, where a plane may hold what another one left.
    bool read_beyond(std::uint32_t array) const {
        return std::any_of(plan_.cross.ops.begin(), plan_.cross.ops.end(), [&](const PairOp& op) {
            const auto reads = stored_reads(op);
            return std::any_of(reads.begin(), reads.end(), [&](const EntryRead* read) {
                return read->array == array &&
                       (read->left.mode == ir::IndexMode::zero || read->right.mode == ir::IndexMode::zero);
            });
        });
    }

    // As the first operation calls it: "i_-i".
    std::string name_of(const Component& component, std::size_t o) const {
        for (const PairOp& op : plan_.cross.ops) {
            const auto pairs = component.find(op.array);
            if (pairs == component.end())
                continue;
            const auto name = [&](const Linear& index) { return program().symbols[index.terms[0].first].name; };
            const Linear& right = op.right_target[pairs->second[o].right];
            const Linear& left = op.left_target[pairs->second[o].left];
            if (!right.terms.empty() && !left.terms.empty())
                return name(right) + "-" + name(left);
        }
        return "offset";
    }

    // --- sums over whole arrays

    // Operation `k` reads its sums over the arrays of the component from one that is added to plane by plane. Gives the
    // loops that add, or nothing (and changes nothing) where such a sum is not just what one plane after the other
    // contributes.
    std::optional<WalkItem> accumulate(std::uint32_t k, const Component& component, std::uint32_t first_offset) {
        const PairOp& op = part_.ops[k];
        if (op.rule != limit::Rule::linear || op.output || (op.gap_linear && !part_.arrays[op.array].value))
            return std::nullopt;
        PairOp adds = op; // of one term, whose conditions are its own
        adds.accumulates = true;
        adds.gap_linear = adds.needs_variances = false;
        adds.terms.clear();
        std::vector<TermOp> rest;
        for (const TermOp& term : op.terms) {
            const bool reads = term.kind == limit::PairTerm::Kind::matmul || term.kind == limit::PairTerm::Kind::read;
            const auto pairs = reads ? component.find(term.entry.array) : component.end();
            if (pairs == component.end()) {
                rest.push_back(term);
                continue;
            }
            auto planar = adds.terms.empty() ? in_plane(term, pairs->second, first_offset, adds.guards) : std::nullopt;
            if (!planar)
                return std::nullopt;
            adds.terms.push_back(std::move(*planar));
        }
        const auto index = static_cast<std::uint32_t>(part_.ops.size());
        auto left = path(part_.left, op.left_statement, std::nullopt);
        auto right = path(part_.right[op.left_statement], op.right_statement, std::pair(k, index));
        if (!left || !right)
            return std::nullopt;

        PairArray sum = part_.arrays[op.array];
        sum.value = sum.accumulated = true;
        adds.array = static_cast<std::uint32_t>(part_.arrays.size());
        part_.arrays.push_back(sum);
        std::vector<WalkItem> right_items{std::move(*right)};
        TermOp read;
        read.scale.value = read.left_factor.constant.value = read.right_factor.constant.value = 1;
        read.entry = {
            adds.array, {sum.left, op.left_target, ir::IndexMode::none}, {sum.right, op.right_target, ir::IndexMode::none}};
        rest.push_back(std::move(read));
        part_.ops[k].terms = std::move(rest);
        part_.ops[k].gap_linear = false;
        part_.ops.push_back(std::move(adds));
        solve(right_items, part_.ops, plan_.recursions.left_symbols, static_cast<std::uint32_t>(program().symbols.size()));
        relabel(*left, part_.right.size());
        part_.right.push_back(std::move(right_items));
        return left;
    }

    // The loops around one statement; with `ops`, that operation alone, under another number.
    static std::optional<WalkItem> path(const std::vector<WalkItem>& items, std::size_t statement,
                                        const std::optional<std::pair<std::uint32_t, std::uint32_t>>& ops) {
        for (const WalkItem& item : items) {
            if (!item.loop) {
                if (item.statement != statement ||
                    (ops && std::find(item.ops.begin(), item.ops.end(), ops->first) == item.ops.end()))
                    continue;
                WalkItem result = item;
                if (ops)
                    result.ops = {ops->second};
                return result;
            }
            if (auto inner = path(item.children, statement, ops)) {
                WalkItem result = item;
                result.fissile = false;
                result.children = {std::move(*inner)};
                return result;
            }
        }
        return std::nullopt;
    }
    static void relabel(WalkItem& item, std::size_t statement) {
        if (!item.loop)
            item.statement = statement;
        for (WalkItem& child : item.children)
            relabel(child, statement);
    }

    bool involves(ir::ExprId e, std::uint32_t slot) const {
        const ir::Node& node = program().exprs[e];
        return node.op == ir::Op::reduce ||
               std::any_of(node.affine.terms.begin(), node.affine.terms.end(),
                           [&](const auto& term) { return static_cast<std::uint32_t>(term.first) == slot; }) ||
               std::any_of(node.children.begin(), node.children.end(),
                           [&](ir::ExprId child) { return involves(child, slot); });
    }

    // No loops appear but those over offsets and the term's own sums.
    bool free_of_loops(const Linear& value, const TermOp& term) const {
        return std::all_of(value.terms.begin(), value.terms.end(),
                           [&](const auto& t) { return t.first >= program().symbols.size() || summed(term, t.first); });
    }
    static bool summed(const TermOp& term, std::uint32_t slot) {
        return std::any_of(term.sums.begin(), term.sums.end(), [&](const LoopRange& range) { return range.slot == slot; });
    }

    // What a sum contributes in the plane at hand: of each pair of its indices one follows from the other, or from the
    // instance, which then is a guard. Nothing where bounds would depend on the instance: too many short sums.
    std::optional<TermOp> in_plane(TermOp term, const std::vector<Pair>& pairs, std::uint32_t first_offset,
                                   std::vector<Guard>& guards) const {
        if (!follows(term.entry.left) || !follows(term.entry.right))
            return std::nullopt;
        std::vector<Linear> at_least_zero;
        for (std::size_t o = 0; o < pairs.size(); ++o) {
            const auto apart = offset(term.entry.left.indices, term.entry.right.indices, pairs[o]);
            if (!apart)
                return std::nullopt;
            const Linear zero = less_offset(*apart, first_offset + o);
            const auto solved = std::find_if(term.sums.rbegin(), term.sums.rend(), [&](const LoopRange& range) {
                const std::int64_t factor = coefficient(zero, range.slot);
                return factor == 1 || factor == -1;
            });
            if (solved == term.sums.rend()) {
                if (std::any_of(zero.terms.begin(), zero.terms.end(), [&](const auto& t) { return summed(term, t.first); }))
                    return std::nullopt;
                guards.push_back({zero, ir::Relation::zero});
                continue;
            }
            const LoopRange range = *solved;
            const Linear none{0, {}, 1};
            const Linear value = combine(substitute(zero, range.slot, none), -coefficient(zero, range.slot), none);
            const auto above = difference(value, range.lower);
            const auto below = difference(range.upper, value);
            if (!above || !below || !range.lowers.empty() || !range.uppers.empty())
                return std::nullopt;
            term.sums.erase(std::next(solved).base());
            at_least_zero.push_back(*above);
            at_least_zero.push_back(*below);
            for (Linear& bound : at_least_zero)
                bound = substitute(bound, range.slot, value);
            if (!replace(term, range.slot, value))
                return std::nullopt;
        }
        for (const Linear& bound : at_least_zero) // bounds of the innermost index that appears
            if (!free_of_loops(bound, term) || !restrict_sums(term, bound))
                return std::nullopt;
        return term;
    }

    bool replace(TermOp& term, std::uint32_t slot, const Linear& value) const {
        for (const Constant* c : {&term.scale, &term.rate, &term.left_factor.constant, &term.right_factor.constant})
            if (!c->fixed && involves(c->expression, slot))
                return false;
        const auto all = [&](std::vector<Linear>& list) {
            for (Linear& linear : list)
                linear = substitute(linear, slot, value);
        };
        for (LoopRange& range : term.sums) {
            range.lower = substitute(range.lower, slot, value);
            range.upper = substitute(range.upper, slot, value);
        }
        for (Guard& guard : term.guards)
            guard.value = substitute(guard.value, slot, value);
        all(term.left_factor.point);
        all(term.right_factor.point);
        all(term.entry.left.indices);
        all(term.entry.right.indices);
        return true;
    }

    static bool restrict_sums(TermOp& term, const Linear& bound) {
        for (auto range = term.sums.rbegin(); range != term.sums.rend(); ++range) {
            const std::int64_t factor = coefficient(bound, range->slot);
            if (factor == 0)
                continue;
            const Linear none{0, {}, 1};
            const Linear rest = substitute(bound, range->slot, none);
            if (factor == 1)
                range->lowers.push_back(combine(rest, -1, none));
            else if (factor == -1)
                range->uppers.push_back(rest);
            return factor == 1 || factor == -1;
        }
        term.guards.push_back({bound, ir::Relation::non_negative});
        return true;
    }
};

} // namespace

std::optional<Part> partition(const Plan& plan) {
    return Partitioner(plan).run();
}

} // namespace tpc::plan
