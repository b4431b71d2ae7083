#include "runtime/tiles/names.hpp"

#include "compiler/plan/items.hpp"
#include "compiler/plan/linear.hpp"

#include <algorithm>

namespace tpc::execute {

using plan::Linear;

namespace {

bool is_slot(const Linear& linear, std::uint32_t slot) {
    return linear.constant == 0 && linear.denominator == 1 && linear.terms.size() == 1 &&
           linear.terms[0] == std::pair<std::uint32_t, std::int64_t>{slot, 1};
}

} // namespace

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

Renaming::Renaming(const Names& names, const std::set<std::uint32_t>& around) : names_(names), around_(around) {
    moved_ = std::any_of(names.begin(), names.end(), [](const auto& name) { return !is_slot(name.second, name.first); });
}

void Renaming::operator()(Linear& linear) {
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

void Renaming::operator()(std::vector<Linear>& indices) {
    for (Linear& index : indices)
        (*this)(index);
}

void Renaming::operator()(std::optional<plan::Place>& place) {
    if (place)
        (*this)(*place);
}

void Renaming::operator()(plan::Factor& factor) {
    (*this)(factor.point);
    (*this)(factor.constant);
}

void Renaming::operator()(plan::TermOp& term) {
    sums_.clear();
    for (plan::LoopRange& range : term.sums) {
        for (auto* bounds : {&range.lowers, &range.uppers})
            (*this)(*bounds);
        (*this)(range.lower);
        (*this)(range.upper);
        fine = fine && around_.count(range.slot) == 0 && names_.count(range.slot) == 0;
        sums_.insert(range.slot);
    }
    for (auto* guards : {&term.guards, &term.chosen})
        for (plan::Guard& guard : *guards)
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

bool same(const plan::Guard& a, const plan::Guard& b) {
    return a.relation == b.relation && plan::constant_difference(a.value, b.value) == 0;
}

bool always(const plan::Guard& guard) {
    return guard.value.terms.empty() && guard.holds(nullptr);
}

std::vector<const plan::WalkItem*> Home::planes() const {
    std::vector<const plan::WalkItem*> loops;
    std::copy_if(left.begin(), left.end(), std::back_inserter(loops), [](const auto* item) { return item->apart; });
    return loops;
}

std::set<std::uint32_t> Home::slots() const {
    std::set<std::uint32_t> result;
    for (const auto* loops : {&left, &right})
        for (const plan::WalkItem* item : *loops)
            result.insert(item->range.slot);
    return result;
}

std::optional<Home> home_of(const plan::Part& part, std::uint32_t op) {
    std::optional<Home> result;
    for (std::size_t s = 0; s < part.right.size(); ++s)
        if (auto loops = plan::loops_around(part.right[s], op)) {
            if (result)
                return std::nullopt;
            result = Home{s, {}, std::move(*loops)};
        }
    if (!result)
        return std::nullopt;
    auto left = plan::loops_around_statement(part.left, result->statement);
    if (!left)
        return std::nullopt;
    result->left = std::move(*left);
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

} // namespace tpc::execute
