// From slots (values of symbols) to elements and entries.
#pragma once

#include "compiler/ir/indexing.hpp"
#include "compiler/plan/plan.hpp"

#include <llvm/ADT/SmallVector.h>

#include <algorithm>
#include <optional>

namespace tpc::plan {

using Indices = llvm::SmallVector<std::int64_t, 6>;

// Affine indices and conditions at one instance of one sample's program, whose axes have their sizes.
inline std::int64_t numerator_at(const SelfPlan& plan, const ir::Affine& affine, const std::int64_t* slots) {
    std::int64_t value = affine.constant;
    for (const auto& [symbol, coefficient] : affine.terms)
        value +=
            coefficient * (plan.recursions.network.program.info(symbol).axis ? plan.sizes.at(symbol)
                                                                             : slots[static_cast<std::uint32_t>(symbol)]);
    return value;
}
inline std::int64_t value_at(const SelfPlan& plan, const ir::Affine& affine, const std::int64_t* slots) {
    return numerator_at(plan, affine, slots) / affine.denominator;
}
inline bool all_hold(const SelfPlan& plan, const std::vector<ir::Condition>& conditions, const std::int64_t* slots) {
    return std::all_of(conditions.begin(), conditions.end(), [&](const ir::Condition& condition) {
        return ir::holds(condition.relation, numerator_at(plan, condition.value, slots));
    });
}

// Evaluates an access inside a box; false when it reads zero.
inline bool locate(const std::vector<Linear>& access, ir::IndexMode mode, const Box& box, const std::int64_t* slots,
                   Indices& indices) {
    indices.clear();
    for (std::size_t d = 0; d < access.size(); ++d) {
        const auto index = ir::apply_mode(access[d](slots), box.lower[d], box.lower[d] + box.size[d] - 1, mode);
        if (!index)
            return false;
        indices.push_back(*index);
    }
    return true;
}

// The same of an access in the program.
inline bool locate(const SelfPlan& plan, const ir::Access& access, const Box& box, const std::int64_t* slots,
                   Indices& indices) {
    indices.clear();
    for (std::size_t d = 0; d < access.indices.size(); ++d) {
        const auto index = ir::apply_mode(value_at(plan, access.indices[d], slots), box.lower[d],
                                          box.lower[d] + box.size[d] - 1, access.mode);
        if (!index)
            return false;
        indices.push_back(*index);
    }
    return true;
}

// visit() at all points of the ranges.
template <class Visit>
void over_ranges(const SelfPlan& plan, llvm::ArrayRef<ir::Range> ranges, std::int64_t* slots, const Visit& visit) {
    if (ranges.empty()) {
        visit();
        return;
    }
    const std::int64_t upper = value_at(plan, ranges[0].upper, slots);
    for (std::int64_t i = value_at(plan, ranges[0].lower, slots); i <= upper; ++i) {
        slots[static_cast<std::uint32_t>(ranges[0].index)] = i;
        over_ranges(plan, ranges.drop_front(), slots, visit);
    }
}

inline std::size_t offset_in(const Box& box, llvm::ArrayRef<std::int64_t> indices) {
    std::size_t offset = 0;
    for (std::size_t d = 0; d < indices.size(); ++d)
        offset = offset * static_cast<std::size_t>(box.size[d]) + static_cast<std::size_t>(indices[d] - box.lower[d]);
    return offset;
}

// The entry of a pair array; the indices are those of both elements.
inline std::size_t entry_offset(const PairArray& array, llvm::ArrayRef<std::int64_t> left,
                                llvm::ArrayRef<std::int64_t> right) {
    std::size_t offset = 0;
    for (std::size_t k = 0; k < array.kept.size(); ++k) {
        const std::size_t d = array.kept[k];
        const std::int64_t index = d < left.size() ? left[d] : right[d - left.size()];
        offset = offset * static_cast<std::size_t>(array.box.size[k]) + static_cast<std::size_t>(index - array.box.lower[k]);
    }
    return array.offset + offset;
}

// Whether the stored box has the entry. Dependent Gaussians are demanded: those outside of it are independent.
inline bool holds(const PairArray& array, llvm::ArrayRef<std::int64_t> left, llvm::ArrayRef<std::int64_t> right) {
    for (std::size_t k = 0; k < array.kept.size(); ++k) {
        const std::size_t d = array.kept[k];
        const std::int64_t index = (d < left.size() ? left[d] : right[d - left.size()]) - array.box.lower[k];
        if (index < 0 || index >= array.box.size[k])
            return false;
    }
    return true;
}

} // namespace tpc::plan
