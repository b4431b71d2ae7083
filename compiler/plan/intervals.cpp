#include "compiler/plan/intervals.hpp"

#include <algorithm>

namespace tpc::plan {
namespace {

void add(const std::vector<WalkItem>& items, Intervals& slots) {
    for (const WalkItem& item : items) {
        if (item.loop)
            plan::add(item.range, slots);
        add(item.children, slots);
    }
}

Interval range_of(const LoopRange& range, const Intervals& slots) {
    return {plan::range_of(range.lower, slots).lower, plan::range_of(range.upper, slots).upper};
}

} // namespace

Interval range_of(const Linear& linear, const Intervals& slots) {
    Interval result{linear.constant, linear.constant};
    for (const auto& [slot, coefficient] : linear.terms) {
        const auto found = slots.find(slot);
        const Interval own = found == slots.end() ? Interval{} : found->second;
        result.lower += coefficient * (coefficient > 0 ? own.lower : own.upper);
        result.upper += coefficient * (coefficient > 0 ? own.upper : own.lower);
    }
    return {result.lower / linear.denominator - (linear.denominator > 1 ? 1 : 0),
            result.upper / linear.denominator + (linear.denominator > 1 ? 1 : 0)};
}

void add(const LoopRange& range, Intervals& slots) {
    const Interval more = range_of(range, slots);
    auto [own, fresh] = slots.try_emplace(range.slot, more);
    if (!fresh) {
        own->second.lower = std::min(own->second.lower, more.lower);
        own->second.upper = std::max(own->second.upper, more.upper);
    }
}

void set(const LoopRange& range, Intervals& slots) {
    slots[range.slot] = range_of(range, slots);
}

Intervals loops_of(const Part& part) {
    Intervals slots;
    add(part.left, slots);
    for (const auto& items : part.right)
        add(items, slots);
    return slots;
}

} // namespace tpc::plan
