#include "runtime/tiles/fold.hpp"

#include "compiler/ir/indexing.hpp"
#include "compiler/plan/items.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace tpc::execute {
namespace {

// One outermost statement, or one iteration of an outermost loop.
struct Phase {
    std::optional<std::pair<std::uint32_t, std::int64_t>> loop; // slot and iteration
    bool row = false; // iterations may run as one row: their entries must lie apart
    std::vector<std::uint32_t> ops;
};

// Nothing where the bounds of a loop are not numbers.
std::optional<std::vector<Phase>> phases_of(const plan::Part& part, const std::vector<plan::WalkItem>& items) {
    std::vector<Phase> phases;
    for (const plan::WalkItem& item : items) {
        Phase phase;
        phase.ops = operations(part, item);
        if (!item.loop || item.apart) {
            phases.push_back(phase);
            continue;
        }
        if (!item.range.lower.terms.empty() || !item.range.upper.terms.empty())
            return std::nullopt;
        for (std::int64_t i = item.range.lower.constant; i <= item.range.upper.constant; ++i) {
            phase.loop = {item.range.slot, i};
            phase.row = item.fissile;
            phases.push_back(phase);
        }
    }
    return phases;
}

bool touches(const plan::PairOp& op, std::uint32_t array) {
    const auto reads = plan::reads_of(op);
    return (op.array == array && !op.output) ||
           std::any_of(reads.begin(), reads.end(), [&](const plan::EntryRead* read) { return read->array == array; });
}

// The loops that all accesses to an array are in: those of one iteration over offsets, or all.
const std::vector<plan::WalkItem>& home_of_array(const plan::Part& part, std::uint32_t array) {
    const std::vector<plan::WalkItem>* home = nullptr;
    for (const plan::WalkItem& item : part.left) {
        const std::vector<std::uint32_t> ops = operations(part, item);
        if (std::none_of(ops.begin(), ops.end(), [&](std::uint32_t op) { return touches(part.ops[op], array); }))
            continue;
        if (!item.apart || home != nullptr)
            return part.left;
        home = &item.children;
        while (home->size() == 1 && home->front().apart)
            home = &home->front().children;
    }
    return home == nullptr ? part.left : *home;
}

// The index in a phase, where that and numbers decide it.
std::optional<std::int64_t> index_in(const Phase& phase, const plan::Linear& index) {
    std::int64_t value = index.constant;
    for (const auto& [slot, coefficient] : index.terms) {
        if (!phase.loop || phase.loop->first != slot || phase.row)
            return std::nullopt;
        value += coefficient * phase.loop->second;
    }
    return index.denominator == 1 ? std::optional(value) : std::nullopt;
}

struct Accesses {
    std::set<std::int64_t> read, written;
};

// The indices of one dimension by phase; nothing when a phase does not decide one.
std::optional<std::vector<Accesses>> accesses(const plan::Part& part, const std::vector<Phase>& phases, std::uint32_t array,
                                              std::size_t dimension) {
    std::vector<Accesses> result;
    for (const Phase& phase : phases) {
        Accesses own;
        for (const std::uint32_t k : phase.ops) {
            const plan::PairOp& op = part.ops[k];
            // guards on the loop itself choose among statements of one family
            const auto hold = [&](const std::vector<plan::Guard>& guards) {
                return std::all_of(guards.begin(), guards.end(), [&](const plan::Guard& guard) {
                    const auto value = guard.value.terms.size() == 1 ? index_in(phase, guard.value) : std::nullopt;
                    return !value || ir::holds(guard.relation, *value);
                });
            };
            if (!hold(op.guards))
                continue;
            if (op.array == array && !op.output) {
                const auto index = index_in(phase, op.left_target[dimension]);
                if (!index)
                    return std::nullopt;
                own.written.insert(*index);
            }
            const auto read = [&](const plan::EntryRead& entry) {
                if (entry.array != array)
                    return true;
                const auto index = index_in(phase, entry.left.indices[dimension]);
                if (index)
                    own.read.insert(*index);
                return index.has_value() &&
                       (entry.left.mode == ir::IndexMode::none || entry.left.mode == ir::IndexMode::zero);
            };
            bool decided = op.rule != limit::Rule::dual || read(op.entry);
            for (const plan::TermOp& term : op.terms)
                if ((term.kind == limit::PairTerm::Kind::matmul || term.kind == limit::PairTerm::Kind::read) &&
                    hold(term.guards) && hold(term.chosen))
                    decided = decided && read(term.entry);
            for (const plan::GroupOp& group : op.groups)
                decided = decided && (!group.cross || read(group.entry));
            if (!decided)
                return std::nullopt;
        }
        result.push_back(std::move(own));
    }
    return result;
}

bool works(const std::vector<Accesses>& phases, std::int64_t period) {
    const auto place = [&](std::int64_t index) { return (index % period + period) % period; };
    std::map<std::int64_t, std::int64_t> holds; // place -> index
    for (const Accesses& phase : phases) {
        std::map<std::int64_t, std::int64_t> touched;
        for (const auto* set : {&phase.read, &phase.written})
            for (const std::int64_t index : *set)
                if (const auto [at, fresh] = touched.try_emplace(place(index), index); at->second != index)
                    return false;
        for (const std::int64_t index : phase.read) {
            const auto held = holds.find(place(index));
            if (phase.written.count(index) == 0 && (held == holds.end() || held->second != index))
                return false;
        }
        for (const std::int64_t index : phase.written)
            holds[place(index)] = index;
    }
    return true;
}

} // namespace

std::vector<Fold> folds_of(const plan::Plan& plan, const plan::Part& part) {
    std::vector<Fold> folds(part.arrays.size());
    for (std::uint32_t a = 0; a < part.arrays.size(); ++a) {
        const plan::PairArray& array = part.arrays[a];
        if (array.output || array.kept.empty() || array.left >= plan.left.boxes.size())
            continue;
        const auto phases = phases_of(part, home_of_array(part, a));
        if (!phases)
            continue;
        const std::size_t left_rank = plan.left.boxes[array.left].size.size();
        for (std::size_t k = 0; k < array.kept.size() && folds[a].period == 0; ++k) {
            if (array.kept[k] >= left_rank || array.box.size[k] < 2)
                continue;
            const auto found = accesses(part, *phases, a, array.kept[k]);
            for (std::int64_t period = 1; found && period < array.box.size[k]; ++period)
                if (works(*found, period)) {
                    folds[a] = {k, period};
                    break;
                }
        }
    }
    return folds;
}

} // namespace tpc::execute
