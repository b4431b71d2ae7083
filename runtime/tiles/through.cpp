#include "runtime/tiles/through.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"
#include "compiler/rewrite/fissile.hpp"
#include "runtime/tiles/names.hpp"

#include <algorithm>

namespace tpc::execute {
namespace {

using limit::PairTerm;

bool reads_pairs(const plan::TermOp& term) {
    return term.kind == PairTerm::Kind::matmul || term.kind == PairTerm::Kind::read;
}
bool straight(const plan::EntryRead& read) {
    return read.left.mode == ir::IndexMode::none && read.right.mode == ir::IndexMode::none;
}

// A linear operation of one term that reads stored gaps, by numbers.
bool repeats(const plan::Part& part, const plan::PairOp& op) {
    if (op.rule != limit::Rule::linear || op.accumulates || op.terms.size() != 1)
        return false;
    const plan::TermOp& term = op.terms[0];
    if (!reads_pairs(term) || !term.sums.empty() || !term.guards.empty() || !term.chosen.empty() || !straight(term.entry) ||
        term.entry.array == plan::no_array)
        return false;
    const plan::PairArray& source = part.arrays[term.entry.array];
    return !source.value && !source.accumulated && !source.output && term.scale.fixed && term.scale.value >= 0 &&
           term.rate.fixed;
}

// Of a factor and one that it is multiplied by; nothing where both are arrays.
std::optional<plan::Factor> product(const plan::Factor& a, const plan::Factor& b) {
    const auto one = [](const plan::Factor& f) { return !f.array && f.constant.fixed && f.constant.value == 1; };
    if (one(a))
        return b;
    if (one(b))
        return a;
    if (a.array || b.array || !a.constant.fixed || !b.constant.fixed)
        return std::nullopt;
    plan::Factor result = a;
    result.constant.value *= b.constant.value;
    return result;
}

class Through {
  public:
    Through(plan::Part& part, std::uint32_t array) : part_(part), array_(array) {}

    bool run() {
        const plan::PairArray& own = part_.arrays[array_];
        if (own.output || own.value || own.accumulated || own.sums || !find_writers())
            return false;
        std::vector<plan::PairOp> changed = part_.ops;
        for (std::uint32_t k = 0; k < part_.ops.size(); ++k)
            if (!rewrite(k, changed[k]))
                return false;
        part_.ops = std::move(changed);
        for (const std::uint32_t writer : writers_)
            if (repeats(part_, part_.ops[writer]))
                remove(part_.right[home_of(part_, writer)->statement], writer);
        if (std::all_of(writers_.begin(), writers_.end(), [&](std::uint32_t w) { return repeats(part_, part_.ops[w]); }))
            std::fill(part_.arrays[array_].box.size.begin(), part_.arrays[array_].box.size.end(), 0);
        return true;
    }

  private:
    plan::Part& part_;
    std::uint32_t array_;
    std::vector<std::uint32_t> writers_;

    // Where there are several, guards alone tell which one writes an entry.
    bool find_writers() {
        for (std::uint32_t k = 0; k < part_.ops.size(); ++k)
            if (part_.ops[k].array == array_ && !part_.ops[k].output)
                writers_.push_back(k);
        const auto copies = [&](std::uint32_t k) { return repeats(part_, part_.ops[k]) && home_of(part_, k); };
        if (std::none_of(writers_.begin(), writers_.end(), copies))
            return false;
        for (const std::uint32_t a : writers_)
            for (const std::uint32_t b : writers_)
                if (a != b && !exclude(part_.ops[a], part_.ops[b]))
                    return false;
        return true;
    }
    static bool exclude(const plan::PairOp& a, const plan::PairOp& b) {
        Names names; // a's slots, as b has them
        const auto target = [](const std::vector<plan::Linear>& indices) {
            return plan::Place{0, indices, ir::IndexMode::none};
        };
        if (!match(a.left_target, target(b.left_target), names) || !match(a.right_target, target(b.right_target), names))
            return false;
        for (plan::Guard guard : a.guards) {
            const std::set<std::uint32_t> around;
            Renaming rename(names, around);
            rename(guard.value);
            const auto against = [&](const plan::Guard& other) {
                return plan::constant_difference(guard.value, other.value) == 0 &&
                       (guard.relation == ir::Relation::zero
                            ? other.relation == ir::Relation::non_zero
                            : guard.relation == ir::Relation::non_zero && other.relation == ir::Relation::zero);
            };
            if (rename.fine && std::any_of(b.guards.begin(), b.guards.end(), against))
                return true;
        }
        return false;
    }

    // The operation with what the writers' terms read in place of what it reads of the array.
    bool rewrite(std::uint32_t index, plan::PairOp& op) {
        const auto reads = plan::reads_of(op);
        const auto ours = [&](const plan::EntryRead* read) { return read->array == array_; };
        const auto count = std::count_if(reads.begin(), reads.end(), ours);
        if (count == 0)
            return true;
        if (op.accumulates || op.rule == limit::Rule::product)
            return false;
        const auto home = home_of(part_, index);
        if (!home)
            return false;
        std::vector<plan::TermOp> terms;
        std::ptrdiff_t found = 0;
        for (const plan::TermOp& term : op.terms) {
            if (!reads_pairs(term) || term.entry.array != array_) {
                terms.push_back(term);
                continue;
            }
            ++found;
            for (const std::uint32_t writer : writers_)
                if (!replace(op, *home, term, writer, terms))
                    return false;
        }
        op.terms = std::move(terms);
        return found == count; // a dual kernel's own read is none of a term
    }

    bool replace(const plan::PairOp& op, const Home& home, const plan::TermOp& term, std::uint32_t index,
                 std::vector<plan::TermOp>& terms) {
        const plan::PairOp& writer = part_.ops[index];
        const auto there = home_of(part_, index);
        std::set<std::uint32_t> around = home.slots();
        for (const plan::LoopRange& sum : term.sums)
            around.insert(sum.slot);
        Names names;
        if (!there || there->planes() != home.planes() || writer.tangent != op.tangent || !straight(term.entry) ||
            !match(writer.left_target, term.entry.left, names) || !match(writer.right_target, term.entry.right, names))
            return false;
        Renaming rename(names, around);
        plan::TermOp result = term;
        for (plan::Guard guard : writer.guards) {
            rename(guard.value);
            const auto known = [&](const plan::Guard& own) { return same(own, guard); };
            if (always(guard) || std::any_of(op.guards.begin(), op.guards.end(), known) ||
                std::any_of(term.chosen.begin(), term.chosen.end(), known))
                continue;
            if (writers_.size() == 1 || splits_rows(guard, home, term))
                return false;
            result.chosen.push_back(guard);
        }
        if (!rename.fine)
            return false;
        if (repeats(part_, writer)) {
            plan::TermOp inner = writer.terms[0];
            rename(inner);
            const auto left = product(term.left_factor, inner.left_factor);
            const auto right = product(term.right_factor, inner.right_factor);
            if (!rename.fine || !left || !right || !term.scale.fixed || !term.rate.fixed)
                return false;
            const auto rate = [](const plan::TermOp& t) { return t.kind == PairTerm::Kind::matmul ? t.rate.value : 0.0; };
            const double both = term.scale.value * rate(inner) + rate(term) * inner.scale.value;
            result.kind = both != 0 ? PairTerm::Kind::matmul : PairTerm::Kind::read;
            result.rate.value = both;
            result.scale.value = term.scale.value * inner.scale.value;
            result.left_factor = *left;
            result.right_factor = *right;
            result.entry = inner.entry;
        }
        terms.push_back(std::move(result));
        return true;
    }

    // The guard changes along a loop that runs as one row, or within a sum.
    static bool splits_rows(const plan::Guard& guard, const Home& home, const plan::TermOp& term) {
        const auto moves = [&](std::uint32_t slot) { return plan::coefficient(guard.value, slot) != 0; };
        const auto splits = [&](const plan::WalkItem* loop) { return loop->fissile && moves(loop->range.slot); };
        return std::any_of(home.left.begin(), home.left.end(), splits) ||
               std::any_of(home.right.begin(), home.right.end(), splits) ||
               std::any_of(term.sums.begin(), term.sums.end(), [&](const auto& sum) { return moves(sum.slot); });
    }
};

} // namespace

plan::Part read_through(const plan::Part& given) {
    plan::Part part = given;
    bool changed = false;
    for (std::uint32_t array = 0; array < part.arrays.size(); ++array)
        changed = Through(part, array).run() || changed;
    if (changed)
        plan::mark_fissile(part);
    return part;
}

} // namespace tpc::execute
