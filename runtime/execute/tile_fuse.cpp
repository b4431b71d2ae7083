#include "runtime/execute/tile_fuse.hpp"

#include "compiler/plan/fissile.hpp"
#include "compiler/plan/intervals.hpp"
#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace tpc::execute {
namespace {

using plan::Linear;
using Names = std::map<std::uint32_t, Linear>; // slots of the sum, as indices where the dual kernel runs

bool is_slot(const Linear& linear, std::uint32_t slot) {
    return linear.constant == 0 && linear.denominator == 1 && linear.terms.size() == 1 &&
           linear.terms[0] == std::pair<std::uint32_t, std::int64_t>{slot, 1};
}

// Names for the slots of a target, such that it is what is read; false where that is not to be had.
bool match(const std::vector<Linear>& target, const plan::Place& read, Names& names) {
    if (read.mode != ir::IndexMode::none)
        return false;
    for (std::size_t d = 0; d < target.size(); ++d) {
        const Linear& index = target[d];
        if (index.terms.empty()) {
            if (plan::constant_difference(index, read.indices[d]) != 0)
                return false;
            continue;
        }
        if (index.denominator != 1 || index.terms.size() != 1 || index.terms[0].second != 1 ||
            read.indices[d].denominator != 1)
            return false;
        Linear value = read.indices[d];
        value.constant -= index.constant;
        const auto [at, fresh] = names.try_emplace(index.terms[0].first, value);
        if (!fresh && plan::constant_difference(at->second, value) != 0)
            return false;
    }
    return true;
}

// The sum's indices where the dual kernel runs; slots of its own that have no name there make it fail.
class Renaming {
  public:
    Renaming(const Names& names, const std::set<std::uint32_t>& around) : names_(names), around_(around) {
        moved_ = std::any_of(names.begin(), names.end(), [](const auto& name) { return !is_slot(name.second, name.first); });
    }
    bool fine = true;

    void operator()(Linear& linear) {
        Linear result;
        result.constant = linear.constant;
        for (const auto& [slot, coefficient] : linear.terms) {
            const auto name = names_.find(slot);
            Linear own;
            own.terms = {{slot, 1}};
            if (name == names_.end() && around_.count(slot) == 0 && sums_.count(slot) == 0)
                fine = false;
            result = plan::combine(name == names_.end() ? own : name->second, coefficient, result);
        }
        result.denominator = linear.denominator;
        linear = std::move(result);
    }
    void operator()(std::vector<Linear>& indices) {
        for (Linear& index : indices)
            (*this)(index);
    }
    void operator()(plan::Constant& constant) { fine = fine && (constant.fixed || !moved_); }
    void operator()(plan::Place& place) { (*this)(place.indices); }
    void operator()(std::optional<plan::Place>& place) {
        if (place)
            (*this)(*place);
    }
    void operator()(plan::Factor& factor) {
        (*this)(factor.point);
        (*this)(factor.constant);
    }
    void operator()(plan::TermOp& term) {
        sums_.clear();
        for (plan::LoopRange& range : term.sums) {
            for (auto* bounds : {&range.lowers, &range.uppers})
                (*this)(*bounds);
            (*this)(range.lower);
            (*this)(range.upper);
            fine = fine && around_.count(range.slot) == 0 && names_.count(range.slot) == 0;
            sums_.insert(range.slot);
        }
        for (plan::Guard& guard : term.guards)
            (*this)(guard.value);
        for (plan::Factor* factor : {&term.left_factor, &term.right_factor})
            (*this)(*factor);
        for (plan::Constant* constant : {&term.scale, &term.rate})
            (*this)(*constant);
        for (plan::Place* place : {&term.entry.left, &term.entry.right, &term.left_place, &term.right_place})
            (*this)(*place);
        for (std::optional<plan::Place>* place : {&term.left_mean, &term.right_mean})
            (*this)(*place);
    }

  private:
    const Names& names_;
    const std::set<std::uint32_t>& around_;
    std::set<std::uint32_t> sums_; // of the term at hand
    bool moved_ = false;
};

bool same(const plan::Guard& a, const plan::Guard& b) {
    return a.relation == b.relation && plan::constant_difference(a.value, b.value) == 0;
}

struct Home {
    std::size_t statement = 0;
    std::vector<const plan::WalkItem*> left, right; // loops, outermost first
};

bool find_statement(const std::vector<plan::WalkItem>& items, std::size_t statement,
                    std::vector<const plan::WalkItem*>& path) {
    for (const plan::WalkItem& item : items) {
        if (!item.loop) {
            if (item.statement == statement)
                return true;
            continue;
        }
        path.push_back(&item);
        if (find_statement(item.children, statement, path))
            return true;
        path.pop_back();
    }
    return false;
}

std::optional<Home> home_of(const plan::Part& part, std::uint32_t op) {
    std::optional<Home> result;
    for (std::size_t s = 0; s < part.right.size(); ++s)
        if (auto loops = plan::loops_around(part.right[s], op)) {
            if (result)
                return std::nullopt;
            result = Home{s, {}, std::move(*loops)};
        }
    if (!result || !find_statement(part.left, result->statement, result->left))
        return std::nullopt;
    return result;
}

void remove(std::vector<plan::WalkItem>& items, std::uint32_t op) {
    for (plan::WalkItem& item : items) {
        if (!item.loop) {
            item.ops.erase(std::remove(item.ops.begin(), item.ops.end(), op), item.ops.end());
            continue;
        }
        const std::vector<std::uint32_t> ops = plan::operations(item);
        for (std::size_t k = ops.size(); k-- > 0;)
            if (ops[k] == op && k < item.solutions.size())
                item.solutions.erase(item.solutions.begin() + static_cast<std::ptrdiff_t>(k));
        remove(item.children, op);
    }
    std::erase_if(items, [](const plan::WalkItem& item) { return item.loop ? item.children.empty() : item.ops.empty(); });
}

// The sum that an operation's Gaussians are, where nothing else reads it.
std::optional<std::uint32_t> sum_of(const plan::Part& part, std::uint32_t dual) {
    const std::uint32_t array = part.ops[dual].entry.array;
    if (array == plan::no_array)
        return std::nullopt;
    const plan::PairArray& own = part.arrays[array];
    if (own.output || own.value || own.accumulated || own.sums)
        return std::nullopt;
    std::optional<std::uint32_t> result;
    for (std::uint32_t k = 0; k < part.ops.size(); ++k) {
        const plan::PairOp& op = part.ops[k];
        const auto reads = plan::reads_of(op);
        if (k != dual && std::any_of(reads.begin(), reads.end(), [&](const auto* read) { return read->array == array; }))
            return std::nullopt;
        if (op.output || op.array != array)
            continue;
        if (result || op.rule != limit::Rule::linear || !op.gap_linear || op.accumulates || op.terms.empty() ||
            op.tangent != part.ops[dual].tangent)
            return std::nullopt;
        result = k;
    }
    return result;
}

bool fuse(plan::Part& part, std::uint32_t dual, std::uint32_t sum) {
    const auto there = home_of(part, dual), here = home_of(part, sum);
    if (!there || !here)
        return false;
    const auto offsets = [](const Home& home) { // the planes that it is in
        std::vector<const plan::WalkItem*> loops;
        std::copy_if(home.left.begin(), home.left.end(), std::back_inserter(loops),
                     [](const auto* item) { return item->apart; });
        return loops;
    };
    if (offsets(*there) != offsets(*here))
        return false;
    plan::PairOp op = part.ops[dual];
    plan::PairOp terms = part.ops[sum];
    Names names;
    if (!match(terms.left_target, op.entry.left, names) || !match(terms.right_target, op.entry.right, names))
        return false;
    std::set<std::uint32_t> around;
    for (const auto* loops : {&there->left, &there->right})
        for (const plan::WalkItem* item : *loops)
            around.insert(item->range.slot);
    Renaming rename(names, around);
    for (plan::TermOp& term : terms.terms)
        rename(term);
    for (plan::Guard& guard : terms.guards) {
        rename(guard.value);
        const bool always = guard.value.terms.empty() && guard.holds(nullptr);
        rename.fine = rename.fine && (always || std::any_of(op.guards.begin(), op.guards.end(),
                                                            [&](const plan::Guard& own) { return same(own, guard); }));
    }
    for (const plan::TermOp& term : terms.terms) // sums over planes are there after them only
        if (term.kind == limit::PairTerm::Kind::matmul || term.kind == limit::PairTerm::Kind::read)
            rename.fine = rename.fine && (term.entry.array == plan::no_array || !part.arrays[term.entry.array].accumulated);
    if (!rename.fine)
        return false;
    op.terms = std::move(terms.terms);
    op.gap_linear = true;
    std::fill(part.arrays[op.entry.array].box.size.begin(), part.arrays[op.entry.array].box.size.end(), 0);
    op.entry.array = plan::no_array;
    part.ops[dual] = std::move(op);
    remove(part.right[here->statement], sum);
    return true;
}

} // namespace

plan::Part fuse(const plan::Part& given, const std::vector<bool>& rows) {
    plan::Part part = given;
    bool changed = false;
    for (std::uint32_t k = 0; k < part.ops.size(); ++k)
        if (part.ops[k].rule == limit::Rule::dual && rows[k])
            if (const auto sum = sum_of(part, k))
                changed = fuse(part, k, *sum) || changed;
    if (changed)
        plan::mark_fissile(part);
    return part;
}

} // namespace tpc::execute
