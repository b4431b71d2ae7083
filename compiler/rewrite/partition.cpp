#include "compiler/rewrite/partition.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"
#include "compiler/plan/solve.hpp"
#include "compiler/rewrite/fissile.hpp"
#include "compiler/rewrite/partition_sums.hpp"

#include <algorithm>
#include <set>

namespace tpc::plan {
namespace {

class Partitioner {
  public:
    explicit Partitioner(const Plan& plan) : plan_(plan), part_(plan.whole()) {}

    std::optional<Part> run() {
        bool found = false;
        for (std::uint32_t seed = 0; seed < plan_.whole().arrays.size(); ++seed) {
            if (done_.contains(seed))
                continue;
            const PlaneArrays component = plane_arrays(plan_, seed, done_);
            for (const auto& [array, pairs] : component)
                done_.insert(array);
            if (component.empty())
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
    // --- which loops

    // The outermost items that write the arrays, [first, last], and nothing else.
    std::optional<std::pair<std::size_t, std::size_t>> region(const PlaneArrays& component) const {
        std::optional<std::pair<std::size_t, std::size_t>> result;
        for (std::size_t k = 0; k < part_.left.size(); ++k) {
            if (part_.left[k].apart)
                continue;
            const std::vector<std::uint32_t> ops = operations(part_, part_.left[k]);
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

    bool cut(const PlaneArrays& component) {
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
            const std::vector<const EntryRead*> reads = reads_of(part_.ops[k]);
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
            const std::vector<std::size_t> own = statements(part_.left[k]);
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

    bool has_layers(std::uint32_t a, const std::vector<OffsetPair>& pairs) const {
        const PairArray& array = plan_.whole().arrays[a];
        for (std::size_t k = 0; k < array.kept.size(); ++k) {
            const std::size_t d = array.kept[k];
            if (d < left_rank(plan_, array) && array.box.size[k] > 1 &&
                std::none_of(pairs.begin(), pairs.end(), [&](const OffsetPair& pair) { return pair.left == d; }))
                return true;
        }
        return false;
    }

    void drop(PairArray& array, const std::vector<OffsetPair>& pairs) const {
        for (const OffsetPair& pair : pairs) {
            const auto at = static_cast<std::ptrdiff_t>(*kept(array, left_rank(plan_, array) + pair.right));
            array.kept.erase(array.kept.begin() + at);
            array.box.lower.erase(array.box.lower.begin() + at);
            array.box.size.erase(array.box.size.begin() + at);
        }
    }

    WalkItem offset_loops(const PlaneArrays& component, std::uint32_t first, std::vector<WalkItem> body,
                          const std::set<std::uint32_t>& whole) {
        const std::size_t count = component.begin()->second.size();
        WalkItem inner;
        for (std::size_t o = count; o-- > 0;) {
            WalkItem loop;
            loop.loop = loop.apart = true;
            std::optional<std::int64_t> lower;
            std::optional<std::int64_t> upper;
            for (const auto& [a, pairs] : component) {
                const PairArray& array = plan_.whole().arrays[a];
                const std::size_t left = *kept(array, pairs[o].left);
                const std::size_t right = *kept(array, left_rank(plan_, array) + pairs[o].right);
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
        return std::any_of(plan_.whole().ops.begin(), plan_.whole().ops.end(), [&](const PairOp& op) {
            const auto reads = reads_of(op);
            return std::any_of(reads.begin(), reads.end(), [&](const EntryRead* read) {
                return read->array == array &&
                       (read->left.mode == ir::IndexMode::zero || read->right.mode == ir::IndexMode::zero);
            });
        });
    }

    // As the first operation calls it: "i_-i".
    std::string name_of(const PlaneArrays& component, std::size_t o) const {
        for (const PairOp& op : plan_.whole().ops) {
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
    std::optional<WalkItem> accumulate(std::uint32_t k, const PlaneArrays& component, std::uint32_t first_offset) {
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
            auto planar =
                adds.terms.empty() ? in_plane(plan_, term, pairs->second, first_offset, adds.guards) : std::nullopt;
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
};

} // namespace

std::optional<Part> partition(const Plan& plan) {
    // Expectations over several Gaussians read their laws anywhere.
    for (const PairOp& op : plan.cross.ops)
        if (std::ranges::any_of(op.groups, [](const GroupOp& group) { return group.joint; }))
            return std::nullopt;
    return Partitioner(plan).run();
}

} // namespace tpc::plan
